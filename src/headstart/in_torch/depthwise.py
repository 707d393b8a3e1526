"""Depthwise convolution along the tokens: the local half of a block that mixes convolution with attention."""

from torch.nn import functional as F

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
    windows = F.pad(x, (0, 0, before, size - 1 - before)).unfold(-2, size, 1)  # (..., T, d_model, size)
    return (windows * W.T).sum(dim=-1)
