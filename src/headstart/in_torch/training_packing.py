"""Documents of many lengths in rows of one length: where each goes, and a loss that counts tokens."""

import torch

from headstart.contract import shapes
from headstart.in_torch.stability import log_sum_exp


@shapes(lengths="N")
def pack_documents(lengths, T):
    """Pack documents into rows of T tokens, first fit: each goes into the first row that still has room for it.

    lengths  (N,)        whole numbers from 0 to T (else ValueError): the tokens of each document, in their order
    T        int         length of a row
    return   (document_ids, positions), each (rows, T), whole numbers: the document's number (-1: padding, at the
             end of a row), and the token's place within its document (0 for padding)

    Law: every token of every document stands in the rows once, one document in one piece.
    Source: Krell et al. 2021 (packing without cross-contamination: ids for the mask, positions from 0 again).
    """
    if (lengths < 0).any() or (lengths > T).any():
        raise ValueError(f"pack_documents: lengths must lie between 0 and T = {T}")
    places, num_rows = _first_fit(lengths.tolist(), T)
    document_ids, positions = torch.full((num_rows, T), -1), torch.zeros(num_rows, T, dtype=torch.long)
    for document, (row, start, n) in enumerate(places):
        document_ids[row, start : start + n] = document
        positions[row, start : start + n] = torch.arange(n)
    return document_ids.to(lengths.device), positions.to(lengths.device)


def _first_fit(lengths, T):
    """List (row, start, length) for each document, and count the rows."""
    used = []  # tokens in each row so far
    places = []
    for n in lengths:
        row = next((row for row, taken in enumerate(used) if taken + n <= T), len(used))
        if row == len(used):
            used.append(0)
        places.append((row, used[row], n))
        used[row] += n
    return places, len(used)


@shapes(logits="... T n_vocab", tokens="... T", document_ids="... T")
def packed_loss(logits, tokens, document_ids):
    """Average the next-token cross entropy over all tokens of all rows that have a next token in their own document.

    logits        (..., T, n_vocab)   the row at t scores the token at t + 1
    tokens        (..., T)            whole numbers from 0 to below n_vocab
    document_ids  (..., T)            whole numbers; -1 is padding
    return        ()                  one mean over tokens, not a mean of the rows' means; if no token
                                      counts it is 0, and so are its gradients

    Law: it does not depend on how the same documents are distributed over rows.
    Source: Radford et al. 2018, section 3.1, equation 1 (a sum over tokens, whichever row they stand in).
    """
    counts = (document_ids[..., :-1] == document_ids[..., 1:]) & (document_ids[..., 1:] != -1)  # (..., T - 1)
    scores = logits[..., :-1, :]
    of_next = scores.gather(-1, tokens[..., 1:, None]).squeeze(-1)
    losses = log_sum_exp(scores) - of_next
    return losses[counts].mean() if counts.any() else losses[counts].sum()  # the sum of nothing is zero
