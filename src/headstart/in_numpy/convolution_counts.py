"""How far a stack of convolutions sees, and what a convolution costs: whole numbers."""

import numpy as np

from headstart.contract import shapes


@shapes(kernels="L", strides="L", dilations="L")
def receptive_field(kernels, strides, dilations):
    """Count the inputs that one output of a stack of convolutions depends on, along one axis.

    kernels    (L,)    whole numbers, 1 or more (else ValueError), as all three: taps of each layer, first to last
    strides    (L,)    whole numbers: places from one output of the layer to the next, in units of its inputs
    dilations  (L,)    whole numbers: places from one tap to the next; 1 is the plain convolution
    return     tuple   (field, jump), two ints: the inputs from the first to the last that an output depends on, and how
                       many inputs further the field of the next output begins

    Law: no layers see (1, 1); with stride 1 throughout each layer adds (kernel - 1)·dilation.
    Source: Araujo et al. 2019, "Computing receptive field size".
    """
    layers = np.stack([kernels, strides, dilations], axis=1)  # (L, 3)
    if (layers < 1).any():
        raise ValueError("receptive_field: every kernel, stride and dilation must be 1 or more")
    field = jump = 1
    for kernel, stride, dilation in layers.tolist():
        field += (kernel - 1) * dilation * jump
        jump *= stride
    return field, jump


def convolution_counts(positions, taps, d_in, d_out, groups=1):
    """Count the weights of a convolution and the operations of one forward pass.

    positions  int    at least 1 (else ValueError), as all others: places of the output, T or rows · columns
    taps       int    at least 1: places under the kernel, K in one dimension, K² for K × K
    d_in       int    at least 1: channels of the input
    d_out      int    at least 1: channels of the output
    groups     int    at least 1; must divide d_in and d_out: a channel reads those of its group alone; d_in: depthwise
    return     dict   {"parameters": int, "flops": int}; no biases; a multiply-add counts as two operations

    Law: the parameters do not depend on the number of positions; the operations are proportional to it.
    Source: Howard et al. 2017, section 3.1 (in multiply-adds).
    """
    if min({positions, taps, d_in, d_out, groups}) < 1 or d_in % groups != 0 or d_out % groups != 0:
        raise ValueError("convolution_counts: every number must be at least 1 and groups divide d_in and d_out")
    parameters = taps * (d_in // groups) * d_out
    return {"parameters": parameters, "flops": 2 * positions * parameters}
