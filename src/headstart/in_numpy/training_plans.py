"""What is settled before the first step: the learning rate of every step and the size of the first weights.

Plain Python: these numbers belong to no array library.
"""

import math


def inverse_root_rate(step, d_model, warmup):
    """Give the learning rate of the original Transformer: a line up, then an inverse square root down.

    step     int     at least 1; the first step is 1
    d_model  int     at least 1
    warmup   int     at least 1; the step of the largest rate, else ValueError
    return   float   d_model^(-1/2) · min(step^(-1/2), step · warmup^(-3/2))

    Law: both branches meet at step = warmup; four times as many steps later on halve the rate.
    Source: Vaswani et al. 2017, section 5.3, equation 3.
    """
    if min({step, d_model, warmup}) < 1:
        raise ValueError("inverse_root_rate: step, d_model and warmup must be at least 1")
    return d_model**-0.5 * min(step**-0.5, step * warmup**-1.5)


def cosine_rate(step, peak, warmup, total, lowest=0.0):
    """Give a learning rate that rises on a line to its peak and falls on half a cosine to its lowest value.

    step     int     at least 1; the first step is 1 and already has the rate peak / warmup
    peak     float   above 0; the rate at step = warmup
    warmup   int     at least 1
    total    int     above warmup, else ValueError; from this step on the rate is `lowest`
    lowest   float   where the cosine ends
    return   float

    Law: half-way between warmup and total the rate is half-way between peak and lowest.
    Source: Loshchilov and Hutter 2017, equation 5 (here after a warm-up, and without restarts).
    """
    if min({step, warmup, total - warmup}) < 1:
        raise ValueError("cosine_rate: step and warmup must be at least 1, total at least 1 above warmup")
    if peak <= 0:
        raise ValueError(f"cosine_rate: peak must be above 0, got {peak}")
    if step <= warmup:
        return peak * step / warmup
    done = min(1.0, (step - warmup) / (total - warmup))
    return lowest + (peak - lowest) * (1 + math.cos(math.pi * done)) / 2


def initial_stds(d_model, d_ff, num_layers):
    """Choose the standard deviation of every first weight of a pre-norm Transformer with ReLU networks.

    d_model     int    at least 1
    d_ff        int    at least 1; hidden width of the feed-forward network
    num_layers  int    at least 1, else ValueError; each has two sub-layers that add to the residual stream
    return      dict   {"W_q", "W_k", "W_v", "W_o", "W_1", "W_2": float}

    A map from n features keeps the variance with 1/√n; W_2 gets √2 more, since half of what it reads was cut to zero.
    W_o and W_2, which write to the stream, are divided by √(2·num_layers).
    Law: what all the feed-forward networks add to the stream has one half of the variance of one token, at any depth.
    Source: Glorot and Bengio 2010, section 4.2.1; He et al. 2015, section 2.2; Radford et al. 2019, section 2.3.
    """
    if min({d_model, d_ff, num_layers}) < 1:
        raise ValueError("initial_stds: every size must be at least 1")
    one, depth = d_model**-0.5, (2 * num_layers) ** -0.5
    return {"W_q": one, "W_k": one, "W_v": one, "W_o": one * depth, "W_1": one, "W_2": (2 / d_ff) ** 0.5 * depth}
