"""Dialogues as one sequence of tokens: which rows are trained on."""

import numpy as np

from headstart.contract import shapes


@shapes(tokens="... T")
def assistant_loss_mask(tokens, header, end):
    """Choose the rows whose next token the assistant writes: they are scored, all others are only read.

    tokens  (..., T)       whole numbers; a turn is a header token, its text, and an end token
    header  int            the token that opens a turn of the assistant
    end     int            the token that closes every turn, the user's too
    return  (..., T - 1)   boolean: row t, which scores token t + 1, is True where that token is text of an assistant's
                           turn or the end token that closes it

    Law: the first row of an answer is that of the header, the last is the one that must score the end token.
    Source: Touvron et al. 2023, section 3.1 (fine-tuning: the loss of the user's tokens is set to zero).
    """
    places = np.where((tokens == header) | (tokens == end), np.arange(tokens.shape[-1]), 0)
    last = np.maximum.accumulate(places, axis=-1)  # (..., T): the newest mark up to here
    return (np.take_along_axis(tokens, last, axis=-1) == header)[..., :-1]
