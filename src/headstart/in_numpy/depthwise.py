"""Depthwise convolution along the tokens: the local half of a block that mixes convolution with attention."""

import numpy as np

from headstart.contract import shapes


@shapes(x="... T d_model", W="size d_model")
def depthwise_convolution(x, W, causal=False):
    """Slide one filter for each feature along the tokens: neighbours mix, features do not.

    x       (..., T, d_model)
    W       (size, d_model)      column f is the filter of feature f
    causal  bool                 False: tap i of token t reads token t + i - size // 2
                                 True: it reads token t + i - (size - 1), so that the last tap is the token itself
    return  (..., T, d_model)    tokens before the first and after the last count as zeros

    Law: a causal output depends on its own token and the size - 1 before it; feature f of the output on feature f only.
    Source: Gulati et al. 2020, section 2.2; Howard et al. 2017, section 3.1.
    """
    size = W.shape[0]
    before = size - 1 if causal else size // 2
    around = [(0, 0)] * (x.ndim - 2) + [(before, size - 1 - before), (0, 0)]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, around), size, axis=-2)  # (..., T, d_model, size)
    return (windows * W.T).sum(axis=-1)
