"""The outside witness: a gradient measured instead of derived. NumPy alone; PyTorch brings its own (gradcheck)."""

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.attention import scaled_dot_product_attention


@shapes(dout="... T_q d_v", q="... T_q d_head", k="... T_k d_head", v="... T_k d_v", mask="bool ... T_q T_k")
def attention_by_differences(dout, q, k, v, mask=None, step=1e-5):
    """Measure the gradients of the loss sum(dout · attention(q, k, v)) by central differences, in float64.

    dout    (..., T_q, d_v)
    q       (..., T_q, d_head)
    k       (..., T_k, d_head)
    v       (..., T_k, d_v)
    mask    (..., T_q, T_k)   boolean, True where a query may attend
    step    float             how far one number is moved up and down
    return  dq (..., T_q, d_head), dk (..., T_k, d_head), dv (..., T_k, d_v)

    Law: each entry is (loss with that number at + step, minus loss with it at - step) / (2 · step); the error falls
    with step² until rounding takes over. In float32 rounding wins at once, so the work is done in float64.
    Source: Goodfellow, Bengio and Courville 2016, Deep Learning, section 11.5 (compare back-propagated derivatives to
    numerical derivatives).
    """
    q, k, v = (np.array(a, dtype=np.float64) for a in (q, k, v))
    gradients = []
    for array in (q, k, v):
        gradient = np.zeros_like(array)
        for at in np.ndindex(array.shape):
            middle, losses = array[at], []
            for side in (middle + step, middle - step):
                array[at] = side
                losses.append(np.sum(dout * scaled_dot_product_attention(q, k, v, mask)))
            array[at] = middle
            gradient[at] = (losses[0] - losses[1]) / (2 * step)
        gradients.append(gradient)
    return gradients
