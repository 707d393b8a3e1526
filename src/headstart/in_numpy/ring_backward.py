"""Back through ring attention: the blocks travel once more and take their gradients along.

There is no PyTorch twin in one process: autograd goes back through `ring_attention`. The one that really
travels is in `headstart.several.schemes`.
"""

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.backward import attention_backward_from_output


@shapes(dout="... R n d_v", q="... R n d_head", k="... R n d_head", v="... R n d_v", out="... R n d_v",
        lse="... R n", positions="R n")  # fmt: skip
def ring_attention_backward(dout, q, k, v, out, lse, positions=None):
    """Go back through ring attention from its output and one number a query, one block of keys at a time.

    dout       (..., R, n, d_v)      rank r holds the gradient of its n outputs
    q          (..., R, n, d_head)   its queries, which stay
    k          (..., R, n, d_head)   its keys, which travel
    v          (..., R, n, d_v)      its values, which travel
    out        (..., R, n, d_v)      what the forward pass returned
    lse        (..., R, n)           likewise, over all keys; -inf where nothing was allowed
    positions  (R, n)                whole numbers: which token stands where; None: every query attends to every key
    return     dq (..., R, n, d_head), dk (..., R, n, d_head), dv (..., R, n, d_v)

    Law: the gradients of attention over all tokens at once. dq stays with its queries; dk and dv travel with their
    block, collect from every rank, and are home after R moves, one more than the keys need in the forward pass.
    Source: Liu, Zaharia and Abbeel 2023 (the code in the appendix); Dao 2024, section 3.1.2 (D and lse).
    """
    dq = dk = dv = 0.0
    places = positions
    for _ in range(q.shape[-3]):
        mask = None if positions is None else places[:, None, :] <= positions[:, :, None]  # (R, n, n)
        parts = attention_backward_from_output(dout, q, k, v, out, lse, mask)
        dq, dk, dv = dq + parts[0], dk + parts[1], dv + parts[2]
        k, v, dk, dv = (np.roll(a, 1, axis=-3) for a in (k, v, dk, dv))
        places = None if positions is None else np.roll(places, 1, axis=0)
    return dq, dk, dv
