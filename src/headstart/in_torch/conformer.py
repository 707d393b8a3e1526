"""Scores by distance brought into the order of the keys, as relative positions in a Conformer need them."""

import torch

from headstart.contract import ShapeError, shapes


@shapes(scores="... T 2T-1")
def relative_shift(scores):
    """Give every query and key the score of their distance: row i holds one score for each distance, not for each key.

    scores  (..., T, 2T-1)   row i: scores of query i for the distances T - 1 (a key far in the past) … 0 … 1 - T
    return  (..., T, T)      entry (i, j) is row i's score for the distance i - j

    Another number of distances raises ShapeError (a ValueError). Law: scores that depend on their column alone become a
    matrix that is constant along its diagonals.
    Source: Dai et al. 2019, appendix B (there causal: distances from T - 1 to 0).
    """
    T = scores.shape[-2]
    if scores.shape[-1] != 2 * T - 1:
        raise ShapeError(f"relative_shift: {T} queries need {2 * T - 1} distances, got {scores.shape[-1]}")
    places = torch.arange(T)
    return scores[..., places[:, None], T - 1 - places[:, None] + places]  # (..., T, T)
