"""Normalisation of each token by itself: layer norm and RMS norm."""

import torch

from headstart.contract import shapes


@shapes(x="... d_model", gain="d_model", bias="d_model")
def layer_norm(x, gain, bias, eps=1e-5):
    """Give every token mean zero and variance one over its own features, then a learnt scale and shift.

    x       (..., d_model)
    gain    (d_model,)       learnt, starts at one
    bias    (d_model,)       learnt, starts at zero
    eps     float            added to the variance, inside the root
    return  (..., d_model)   (x - mean) / √(variance + eps) · gain + bias, where the variance divides by d_model

    Law: adding one number to a token, or multiplying it by a positive one, changes (up to eps) nothing.
    Source: Ba, Kiros and Hinton 2016, section 3, equation 3.
    """
    centred = x - x.mean(dim=-1, keepdim=True)  # (..., d_model)
    variance = (centred**2).mean(dim=-1, keepdim=True)  # (..., 1)
    return centred / torch.sqrt(variance + eps) * gain + bias


@shapes(x="... d_model", gain="d_model")
def rms_norm(x, gain, eps=1e-6):
    """Give every token a root mean square of one over its own features, then a learnt scale: no mean, no shift.

    x       (..., d_model)
    gain    (d_model,)       learnt, starts at one
    eps     float            added to the mean square, inside the root
    return  (..., d_model)   x / √(mean of x² + eps) · gain

    Law: multiplying a token by a positive number changes (up to eps) nothing; adding one to it does.
    Source: Zhang and Sennrich 2019, section 4, equation 4.
    """
    mean_square = (x**2).mean(dim=-1, keepdim=True)  # (..., 1)
    return x / torch.sqrt(mean_square + eps) * gain
