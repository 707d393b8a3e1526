"""Sequence labelling: tags for tokens, the spans they mean, and the best sequence of tags that means anything.

Tags are whole numbers: 0 is O (outside), 2k + 1 is B of type k (begins), 2k + 2 is I of type k (goes on inside).
"""

import numpy as np

from headstart.contract import shapes


def bio_transitions(num_types):
    """Say which tag may follow which.

    num_types  int          at least 1, else ValueError; there are n = 2·num_types + 1 tags
    return     (n, n)       boolean: [i, j] is True where tag j may follow tag i. A text begins as if O stood before it

    Law: I of a type follows B or I of the same type and nothing else; O and every B follow anything.
    Source: Ramshaw and Marcus 1995 (tags I, O, B; here B stands at every beginning, a variant called IOB2).
    """
    if num_types < 1:
        raise ValueError(f"bio_transitions: num_types must be at least 1, got {num_types}")
    tag = np.arange(2 * num_types + 1)
    ahead = tag - tag[:, None]  # (n, n): from tag i to tag j
    return (tag == 0) | (tag % 2 == 1) | (ahead == 0) | (ahead == 1)  # j is O, a B, i again, or the I of i


@shapes(tags="B T")
def bio_spans(tags):
    """Read the spans off tagged texts.

    tags    (B, T)   whole numbers: 0 is O, 2k + 1 is B and 2k + 2 is I of type k; padding is tagged O
    return  (n, 4)   whole numbers: text, first token, last token, type of each span, in the order of their beginnings

    An I that cannot go on with the span before it (O stands there, or another type, or nothing) begins a span: what
    the script conlleval does, and the library seqeval by default.
    Law: the spans of a valid tagging, written down as tags again, are that tagging.
    Source: Ramshaw and Marcus 1995 (spans as tags).
    """
    kind = (tags + 1) // 2  # 0 for O, k + 1 for type k
    before = np.pad(kind, ((0, 0), (1, 0)))[:, :-1]
    goes_on = (tags % 2 == 0) & (kind == before)
    begins = (kind > 0) & ~goes_on
    ends = (kind > 0) & ~np.pad(goes_on, ((0, 0), (0, 1)))[:, 1:]  # where the next token does not go on
    text, first = np.nonzero(begins)
    return np.stack([text, first, np.nonzero(ends)[1], kind[begins] - 1], axis=1)


@shapes(predicted="n 4", gold="m 4")
def span_f1(predicted, gold):
    """Score spans: right is a span whose text, first token, last token and type are all right.

    predicted  (n, 4)   whole numbers, a row for each span that was found, no row twice
    gold       (m, 4)   whole numbers, a row for each span that there is, no row twice
    return     float    2·right / (n + m), the harmonic mean of precision right/n and recall right/m; 0.0 if none is

    Law: predicted and gold may change places; a span that is one token too long counts as wrong and as missed.
    Source: Tjong Kim Sang and De Meulder 2003 (precision, recall and F of exact matches).
    """
    right = len({tuple(row) for row in predicted} & {tuple(row) for row in gold})
    total = len(predicted) + len(gold)
    return 2.0 * right / total if total else 0.0


@shapes(scores="T n", allowed="bool n n")
def viterbi(scores, allowed):
    """Find the sequence of tags with the highest sum of scores among the sequences that are allowed.

    scores   (T, n)   how well each tag fits each token
    allowed  (n, n)   boolean, [i, j] True where tag j may follow tag i; the first tag must be one that may follow 0,
                      and tag 0 may follow every tag, so that there is always a way
    return   (T,)     whole numbers: the tags

    The work grows with T·n²: trying all n^T sequences takes too long.
    Law: with everything allowed it is the argmax of every row; a number added to a row of scores changes nothing.
    Source: Viterbi 1967 (the algorithm).
    """
    best, come_from = np.where(allowed[0], scores[0], -np.inf), []
    for row in scores[1:]:
        ways = np.where(allowed, best[:, None], -np.inf)  # (n, n): the best score up to tag i, then on to tag j
        come_from.append(ways.argmax(axis=0))
        best = ways.max(axis=0) + row
    tags = np.full(len(scores), best.argmax())
    for t in range(len(come_from), 0, -1):
        tags[t - 1] = come_from[t - 1][tags[t]]
    return tags
