"""From scores to the distribution that a token is drawn from: three ways to cut off the tail."""

import torch

from headstart.contract import shapes
from headstart.in_torch.attention import softmax


@shapes(scores="... n")
def top_k_probabilities(scores, top_k):
    """Keep the top_k highest scores and give the tokens behind them no chance.

    scores  (..., n)   real scores, already divided by the temperature; -inf means "not allowed"
    top_k   int        at least 1 (else ValueError); n or more keeps every token
    return  (..., n)   probabilities of the tokens that stay, softmax over them, zeros elsewhere; a row of -inf: zeros

    Tokens whose score equals the top_k-th highest all stay. Only -inf is sure to give zeros.
    Law: top_k = 1 is the argmax; between tokens that stay, ratios of probabilities are as before.
    Source: Fan, Lewis and Dauphin 2018, section 5.4.
    """
    if top_k < 1:
        raise ValueError(f"top_k_probabilities: top_k must be at least 1, got {top_k}")
    last = scores.sort().values[..., -min(top_k, scores.shape[-1]), None]  # (..., 1): the lowest score that stays
    return softmax(scores.where(scores >= last, -torch.inf))


@shapes(scores="... n")
def top_p_probabilities(scores, top_p):
    """Keep the smallest set of most probable tokens that holds at least top_p of the probability: the nucleus.

    scores  (..., n)   real scores, already divided by the temperature; -inf means "not allowed"
    top_p   float      above 0 and at most 1 (else ValueError)
    return  (..., n)   probabilities of the tokens that stay, softmax over them, zeros elsewhere; a row of -inf: zeros

    The token that crosses top_p stays; of equally probable tokens the one with the lower number comes first.
    Law: a sure model keeps few tokens, an unsure one many; at least one always stays.
    Source: Holtzman et al. 2020, section 3.1.
    """
    if top_p <= 0.0 or top_p > 1.0:
        raise ValueError(f"top_p_probabilities: top_p must be above 0 and at most 1, got {top_p}")
    p = softmax(scores)
    ranked, order = p.sort(descending=True, stable=True)
    before = ranked.cumsum(dim=-1) - ranked
    stays = (before < top_p).gather(-1, order.argsort())  # back in the tokens' own order
    return softmax(scores.where(stays, -torch.inf))


@shapes(scores="... n")
def min_p_probabilities(scores, min_p):
    """Keep the tokens that are at least min_p times as probable as the most probable one.

    scores  (..., n)   real scores, already divided by the temperature; -inf means "not allowed"
    min_p   float      from 0 to 1 (else ValueError); 0 keeps every token
    return  (..., n)   probabilities of the tokens that stay, softmax over them, zeros elsewhere; a row of -inf: zeros

    Law: a token stays where its score is at most log(1/min_p) below the highest.
    Source: Nguyen et al. 2025, section 3.
    """
    if min_p < 0.0 or min_p > 1.0:
        raise ValueError(f"min_p_probabilities: min_p must lie between 0 and 1, got {min_p}")
    p = softmax(scores)
    return softmax(scores.where(p >= min_p * p.amax(dim=-1, keepdim=True), -torch.inf))
