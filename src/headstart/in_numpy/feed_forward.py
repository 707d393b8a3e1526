"""The feed-forward network of a block, in its plain and its gated form. It works on each token alone."""

import numpy as np

from headstart.contract import shapes


@shapes(x="... d_model", W_1="d_model d_ff", b_1="d_ff", W_2="d_ff d_model", b_2="d_model")
def feed_forward(x, W_1, b_1, W_2, b_2):
    """Widen every token, cut off what is negative (ReLU), and narrow it again.

    x       (..., d_model)
    W_1     (d_model, d_ff)
    b_1     (d_ff,)
    W_2     (d_ff, d_model)
    b_2     (d_model,)
    return  (..., d_model)    max(0, x W_1 + b_1) W_2 + b_2

    Law: each token is treated alike and alone: changing one token changes no other's output.
    Source: Vaswani et al. 2017, section 3.3, equation 2.
    """
    hidden = np.maximum(x @ W_1 + b_1, 0.0)  # (..., d_ff)
    return hidden @ W_2 + b_2


@shapes(x="... d_model", W_gate="d_model d_ff", W_up="d_model d_ff", W_down="d_ff d_model")
def gated_feed_forward(x, W_gate, W_up, W_down):
    """Let one projection of the token open or close the hidden units that another one fills (SwiGLU).

    x             (..., d_model)
    W_gate, W_up  (d_model, d_ff)
    W_down        (d_ff, d_model)
    return        (..., d_model)    (swish(x W_gate) · (x W_up)) W_down, with swish(a) = a / (1 + e⁻ᵃ); no biases

    Law: the output is linear in W_up for a fixed gate: twice W_up gives twice the output.
    Source: Shazeer 2020, section 2, equation 6.
    """
    gate = x @ W_gate  # (..., d_ff)
    swish = gate * (1.0 + np.tanh(gate / 2.0)) / 2.0  # gate times its sigmoid; tanh cannot overflow
    return (swish * (x @ W_up)) @ W_down
