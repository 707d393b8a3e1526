"""Attention weights from queries and keys of low precision, with the dangerous steps in float32."""

from headstart.contract import shapes
from headstart.in_torch.attention import attention_weights


@shapes(q="... T_q d_head", k="... T_k d_head", mask="bool ... T_q T_k")
def safe_attention_weights(q, k, mask=None):
    """Compute softmax(q kᵀ / √d_head) for float16 or bfloat16 inputs: everything between input and output in float32.

    q       (..., T_q, d_head)   float16, bfloat16 or float32
    k       (..., T_k, d_head)   of q's type
    mask    (..., T_q, T_k)      boolean, True where a query may attend; broadcasts; None allows everything
    return  (..., T_q, T_k)      of q's type; a query that may attend to nothing gets zeros, and zero gradients

    Law: the weights are those of float32 arithmetic on the given q and k, rounded once more, at the end.
    Source: Micikevicius et al. 2018, section 3.3 (sums and softmax in float32).
    """
    return attention_weights(q.float(), k.float(), mask).to(q.dtype)
