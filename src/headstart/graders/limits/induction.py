"""The induction score: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax
from headstart.graders.kit import again, agree, exercise

induction_score = exercise("induction_score", "circuits", chapter="limits", wings=("in_numpy",))

TEXTS = ([0, 1, 2, 0, 1, 2], [3, 3, 1, 3, 3], [5, 2, 5, 2, 2, 7, 5], [0, 1], [4, 6, 4])


def causal_weights(draw, *lead, T):
    """Random attention weights under a causal mask."""
    return plain_softmax(np.where(np.tri(T, dtype=bool), draw(*lead, T, T), -np.inf))


def by_loops(A, tokens):
    """Query by query, key by key."""
    scores = np.zeros(A.shape[:-2])
    for at in np.ndindex(scores.shape):
        text, found = tokens[at[:-1]], []
        for t in range(len(text)):
            keys = [j for j in range(1, t + 1) if text[j - 1] == text[t]]
            if keys:
                found.append(sum(A[at][t, j] for j in keys))
        scores[at] = sum(found) / len(found) if found else 0.0
    return scores


@induction_score.law
def weight_on_what_followed(candidate, draw):
    """The weight on the keys after earlier places of the same token, averaged over the queries that have one."""
    for text in again(*TEXTS):
        tokens = np.array(text)
        A = causal_weights(draw, 3, T=len(tokens))
        agree(candidate(A, tokens), by_loops(A, tokens), f"the scores for the tokens {text}")


@induction_score.law
def batches_of_texts(candidate, draw):
    """Every text of a batch has its own matches, and its own number of them; none gives 0."""
    tokens = np.array([[4, 1, 4, 1, 4], [0, 1, 2, 3, 4], [2, 2, 2, 0, 2]])
    A = causal_weights(draw, 3, 2, T=5)
    agree(candidate(A, tokens), by_loops(A, tokens), "the scores of a batch")
    agree(candidate(A[:, None], tokens[:, None]), by_loops(A, tokens)[:, None], "the scores of a batch of batches")


@induction_score.law
def a_perfect_head_scores_one(candidate, draw):
    """On a text of eight different tokens told twice, a head that looks T/2 - 1 back scores 1, its neighbours 0."""
    tokens = np.tile(draw.rng.permutation(8), 2)
    A = np.zeros((3, 16, 16))
    for head, back in enumerate((7, 8, 1)):  # induction, the same token, the previous token
        A[head, np.arange(16), np.maximum(np.arange(16) - back, 0)] = 1.0
    agree(candidate(A, tokens), [1.0, 0.0, 0.0], "the scores of an induction, a same-token and a previous-token head")


@induction_score.law
def the_future_does_not_count(candidate, draw):
    """Weight on later keys is no induction, should the weights have any: keys up to the query's own place count."""
    tokens = np.array([1, 2, 1, 2, 1, 3])
    A = plain_softmax(draw(2, 6, 6))
    agree(candidate(A, tokens), by_loops(A, tokens), "the scores of weights without a causal mask")


def score(A, tokens, *, shift=1, over=None, diagonal=0, relative=False):
    """The score with a part of it replaced."""
    T = tokens.shape[-1]
    same = tokens[..., :, None] == tokens[..., None, :]
    after = np.zeros_like(same)
    after[..., shift:] = same[..., : T - shift]
    after &= np.tri(T, T, diagonal, dtype=bool)
    if relative:
        A = A / np.maximum(after.sum(-1), 1)[..., None, :, None]
    weight = (A * after[..., None, :, :]).sum(-1).sum(-1)
    return weight / (np.maximum(after.any(-1).sum(-1), 1)[..., None] if over is None else over(after))


@induction_score.mutant("the weight on earlier places of the same token, not on what followed them")
def same_token(A, tokens):
    return score(A, tokens, shift=0, diagonal=-1)


@induction_score.mutant("the weight two places after the same token instead of one")
def two_after(A, tokens):
    return score(A, tokens, shift=2)


@induction_score.mutant("the score averaged over all queries, also those whose token is new")
def over_all_queries(A, tokens):
    return score(A, tokens, over=lambda after: tokens.shape[-1])


@induction_score.mutant("the weight on what came before the same token, not after it")
def before(A, tokens):
    same = tokens[..., :, None] == tokens[..., None, :]
    wanted = np.zeros_like(same)
    wanted[..., :-1] = same[..., 1:]
    wanted &= np.tri(tokens.shape[-1], tokens.shape[-1], -2, dtype=bool)
    count = np.maximum(wanted.any(-1).sum(-1), 1)[..., None]
    return (A * wanted[..., None, :, :]).sum(-1).sum(-1) / count


@induction_score.mutant("the score with queries and keys exchanged: the weights were read by columns")
def transposed(A, tokens):
    return score(A.swapaxes(-1, -2), tokens)


@induction_score.mutant("the weight on the previous token, whatever it is")
def previous_token(A, tokens):
    return np.diagonal(A, -1, -2, -1).mean(-1)


@induction_score.mutant("the average weight of the matching keys of a query instead of their sum")
def mean_over_matches(A, tokens):
    return score(A, tokens, relative=True)


@induction_score.mutant("the score with later matches counted as well")
def future_counts(A, tokens):
    return score(A, tokens, diagonal=tokens.shape[-1])


@induction_score.mutant("the score without the query's own place, which counts where a token stands twice in a row")
def own_place_left_out(A, tokens):
    return score(A, tokens, diagonal=-1)


@induction_score.style
def by_query(A, tokens):
    """One query at a time, all heads and texts at once."""
    found, number = np.zeros(A.shape[:-2]), np.zeros((*tokens.shape[:-1], 1))
    for t in range(1, tokens.shape[-1]):
        match = tokens[..., :t] == tokens[..., t : t + 1]  # places 0 … t-1, keys 1 … t
        found = found + (A[..., t, 1 : t + 1] * match[..., None, :]).sum(-1)
        number = number + match.any(-1)[..., None]
    return np.where(number > 0, found / np.maximum(number, 1), 0.0)


@induction_score.style
def einsum_in_float32(A, tokens):
    """A padded comparison and one contraction."""
    T = tokens.shape[-1]
    same = (tokens[..., :, None] == tokens[..., None, :]).astype("f4")
    target = np.tril(np.concatenate([np.zeros((*same.shape[:-1], 1), "f4"), same[..., :-1]], axis=-1))
    total = np.einsum("...hqk,...qk->...h", A.astype("f4"), target)
    return total / np.clip((target.max(-1) > 0).sum(-1), 1, T)[..., None]
