"""What language tasks put around attention: what a decoder reads and is asked for, and the span of an answer."""

import numpy as np

from headstart.contract import shapes


@shapes(target="... T")
def teacher_forcing(target, start, padding):
    """Make what a decoder reads in training, and what it is asked for: the true past, and the token that follows.

    target   (..., T)   whole numbers: the tokens of a text, its end token, then padding
    start    int        the token that stands before every text
    padding  int        the token that fills up; it occurs nowhere else
    return   (inputs, labels), each (..., T) whole numbers: inputs are start and then target without its last place;
             labels are target, with -100 (no loss there) where it is padding

    Law: inputs[t + 1] = target[t]: the model reads at t what was to be said before t, and never labels[t] itself.
    Source: Vaswani et al. 2017, section 3.1 (offset by one position); -100 is PyTorch's default ignore_index.
    """
    inputs = np.concatenate([np.full_like(target[..., :1], start), target[..., :-1]], axis=-1)
    return inputs, np.where(target == padding, -100, target)


@shapes(start_scores="... T", end_scores="... T", passage="bool ... T")
def best_span(start_scores, end_scores, passage, max_length):
    """Choose the answer to a question: the best pair of first and last token.

    start_scores  (..., T)   how well each token serves as the first of the answer
    end_scores    (..., T)   how well each serves as the last
    passage       (..., T)   boolean, True where an answer may lie: one run of tokens, neither question nor padding
    max_length    int        at least 1, else ValueError: the most tokens that an answer may have
    return        (..., 2)   whole numbers first <= last < first + max_length, both in the passage, for which
                             start_scores[first] + end_scores[last] is highest

    Law: a number added to all start scores changes nothing; with max_length = 1 it is the argmax of the sum.
    Source: Devlin et al. 2019, section 4.2 (S·T_i + E·T_j with j >= i).
    """
    if max_length < 1:
        raise ValueError(f"best_span: max_length must be at least 1, got {max_length}")
    scores = start_scores[..., None] + end_scores[..., None, :]  # (..., T, T): first i, last j
    *lead, _, T = scores.shape
    length = np.arange(1, T + 1) - np.arange(T)[:, None]  # (T, T): tokens from i to j, both counted
    allowed = (length >= 1) & (length <= max_length) & passage[..., None] & passage[..., None, :]
    scores = np.where(allowed, scores, -np.inf)
    best = scores.reshape(*lead, T * T).argmax(axis=-1)
    return np.stack(np.divmod(best, T), axis=-1)
