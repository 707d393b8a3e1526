"""Tokens drawn with given uniform numbers; drafts of a small model that are accepted or replaced; trees of drafts."""

import numpy as np

from headstart.contract import ShapeError, shapes


@shapes(probabilities="n")
def pick_token(probabilities, uniform):
    """Draw a token with one uniform number: the first whose cumulative probability is above it.

    probabilities  (n,)    not negative, at least one positive; they need not sum to one exactly
    uniform        float   from 0 up to, not including, 1: it is compared with shares of the total
    return         int     token number; a token of probability zero is never drawn

    Law: token i is drawn for a share probabilities[i] / total of all uniform numbers.
    Source: Devroye 1986, section III.2 (inversion).
    """
    edges = np.cumsum(probabilities, dtype=np.float64)  # in float32 a uniform number near 1 would be rounded to 1
    return int(np.searchsorted(edges, uniform * edges[-1], side="right"))


@shapes(p="... n", q="... n")
def residual(p, q):
    """Say what to draw from after a rejection: what the draft gave too little of.

    p       (..., n)   the target model's probabilities
    q       (..., n)   the draft model's probabilities
    return  (..., n)   max(p - q, 0), divided by its sum; where p = q (nothing is ever rejected) p itself

    Law: min(p, q) + (1 - sum of min(p, q)) · residual(p, q) = p.
    Source: Leviathan, Kalman and Matias 2023, section 2.3 and appendix A.1.
    """
    more = np.maximum(p - q, 0.0)
    total = more.sum(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore"):  # 0 / 0 where nothing is lacking
        return np.where(total > 0.0, more / total, p)


@shapes(p="T+1 n", q="T n", drafted="T", uniforms="T")
def accept_drafts(p, q, drafted, uniforms, uniform):
    """Keep drafted tokens as long as the target model agrees; end with one token of its own.

    p         (T+1, n)   the target's probabilities at each drafted place, and at the place behind the last draft: one
                         row more than q, else ShapeError (a ValueError)
    q         (T, n)     the draft model's probabilities that each draft was drawn from
    drafted   (T,)       whole numbers below n
    uniforms  (T,)       one uniform number a draft: it is kept where uniforms < p / q of that token
    uniform   float      draws the last token, with pick_token: from the residual at the first place that is refused,
                         or, where all are kept, from the last row of p
    return    (m,)       whole numbers, 1 ≤ m ≤ T + 1: the kept drafts, then the target's own token

    Law: whatever q is, the tokens are distributed as if the target had written them alone.
    Source: Leviathan, Kalman and Matias 2023, algorithm 1; Chen et al. 2023, algorithm 2.
    """
    if len(p) != len(q) + 1:
        raise ShapeError(f"accept_drafts: {len(q)} drafts need {len(q) + 1} rows of p, got {len(p)}")
    written = []
    for t, token in enumerate(drafted):
        if uniforms[t] * q[t, token] >= p[t, token]:
            return np.array([*written, pick_token(residual(p[t], q[t]), uniform)])
        written.append(token)
    return np.array([*written, pick_token(p[-1], uniform)])


@shapes(parents="T")
def tree_mask(parents):
    """Let each drafted token see its own branch, so that one pass scores a whole tree of guesses.

    parents  (T,)     whole numbers: the token before it in the tree, always an earlier one, else ValueError; -1: a root
    return   (T, T)   boolean: True where the key is the query itself or one of its ancestors

    Law: a token's answer is what it would be with its branch alone; a chain gives the causal mask.
    Source: Miao et al. 2024, section 4 (tree attention); Cai et al. 2024, section 2.1.2.
    """
    mask = np.eye(len(parents), dtype=bool)
    for i, parent in enumerate(parents):
        if parent < -1 or parent >= i:
            raise ValueError(f"tree_mask: the parent of token {i} must be an earlier token or -1, got {parent}")
        if parent >= 0:
            mask[i] |= mask[parent]
    return mask
