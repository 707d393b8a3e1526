"""Spans from tags, and their F1: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

bio_spans = exercise("bio_spans", "tagging", chapter="language", wings=("in_numpy",))
span_f1 = exercise("span_f1", "tagging", chapter="language", wings=("in_numpy",))


def spans_by_loops(tags, lenient=True):
    """Walk through each text with the span that is open; `lenient`: an I that goes on with nothing begins one."""
    found = []
    for text, row in enumerate(np.asarray(tags).tolist()):
        open_at, open_type = None, None
        for place, tag in enumerate([*row, 0]):
            kind, begins = (None, False) if tag == 0 else ((tag - 1) // 2, tag % 2 == 1)
            goes_on = open_at is not None and kind == open_type and not begins
            if open_at is not None and not goes_on:
                found.append([text, open_at, place - 1, open_type])
                open_at = None
            if kind is not None and not goes_on and (begins or lenient):
                open_at, open_type = place, kind
    return np.array(found, dtype=int).reshape(-1, 4)


def written_down(spans, B, T):
    """Spans as tags."""
    tags = np.zeros((B, T), dtype=int)
    for text, first, last, kind in spans:
        tags[text, first : last + 1] = 2 * kind + 2
        tags[text, first] = 2 * kind + 1
    return tags


def same_spans(got, want):
    """Raise Broken unless the same rows of whole numbers stand in the same order; no spans may have any empty shape."""
    got = np.asarray(got)
    if got.size == 0 and want.size == 0:
        return
    expect(got.dtype.kind in "iu", f"the spans are {got.dtype}, they should be whole numbers")
    agree(got, want, "the spans")


def draw_spans(draw, n, texts=3):
    """n different rows: text, first, last, type."""
    first = draw.rng.permutation(20)[:n]
    return np.stack([draw.rng.integers(texts, size=n), first, first + draw.rng.integers(3, size=n),
                     draw.rng.integers(2, size=n)], axis=1)  # fmt: skip


@bio_spans.law
def spans_of_valid_tags(candidate, draw):
    """Spans of one and of several tokens, side by side, at both ends of a text, in several texts, are found."""
    cases = [[[1, 2, 0, 3, 4, 4]], [[1, 1, 2, 3, 1]], [[0, 0, 1], [3, 0, 0], [0, 5, 6]], [[1]], [[0]], [[1, 2], [1, 2]]]
    for tags in map(np.array, cases):
        same_spans(candidate(tags), spans_by_loops(tags))


@bio_spans.law
def there_and_back(candidate, draw):
    """Spans that were written down as tags are read off again, in the order of their beginnings."""
    for B, T in ((1, 9), (4, 7), (3, 1)):
        tags = draw.rng.integers(0, 4, size=(B, T)) * 2 - 1  # O and B only, then some go on
        tags = np.where(tags < 0, 0, tags)
        for t in range(1, T):
            goes_on = (draw.rng.random(B) < 0.5) & (tags[:, t - 1] > 0)
            tags[:, t] = np.where(goes_on, tags[:, t - 1] + tags[:, t - 1] % 2, tags[:, t])
        want = spans_by_loops(tags)
        assert (written_down(want, B, T) == tags).all()
        same_spans(candidate(tags), want)


@bio_spans.law
def an_inside_without_a_beginning(candidate, draw):
    """An I behind O, behind another type or at the beginning of a text begins a span of its own."""
    for tags in ([[2, 2, 0, 4]], [[1, 4, 4, 2]], [[0, 2, 1, 2]], [[1, 2], [2, 0]], [[3, 2, 4, 1]]):
        same_spans(candidate(np.array(tags)), spans_by_loops(tags))


@bio_spans.law
def any_tags_at_all(candidate, draw):
    """Random tags, mostly invalid, in several texts."""
    for B, T, n in ((1, 12, 7), (5, 6, 5), (2, 9, 3)):
        tags = draw.rng.integers(n, size=(B, T))
        same_spans(candidate(tags), spans_by_loops(tags))


def rows_of(tags):
    """All spans of right reading, a list of lists."""
    return spans_by_loops(tags).tolist()


def as_rows(rows):
    """A list of rows as an array (n, 4)."""
    return np.array(rows, dtype=int).reshape(-1, 4)


@bio_spans.mutant(
    "spans whose last number is one behind the last token (a slice's end), where the contract has the last token itself"
)
def half_open(tags):
    return as_rows([[b, i, j + 1, k] for b, i, j, k in rows_of(tags)])


@bio_spans.mutant("spans that fall out when they reach the end of the text: the open span is never closed")
def never_closed(tags):
    return as_rows([row for row in rows_of(tags) if row[2] < tags.shape[1] - 1])


@bio_spans.mutant("neighbouring spans of one type glued together: a B inside a span does not end it")
def glued(tags):
    return spans_by_loops(np.where(tags % 2 == 1, tags + 1, tags))


@bio_spans.mutant("an I without a beginning thrown away (strict reading), where the contract lets it begin a span")
def strict_reading(tags):
    return spans_by_loops(tags, lenient=False)


@bio_spans.mutant("spans that go on through a change of type: only O and B end them")
def types_ignored(tags):
    found = []
    for b, i, j, k in rows_of(tags):
        if found and found[-1][0] == b and found[-1][2] == i - 1 and tags[b, i] % 2 == 0:
            found[-1][2] = j
        else:
            found.append([b, i, j, k])
    return as_rows(found)


@bio_spans.mutant("texts joined into one: a span runs from the end of one text into the next")
def texts_joined(tags):
    T = tags.shape[1]
    return as_rows([[i // T, i % T, j % T, k] for _, i, j, k in rows_of(tags.reshape(1, -1))])


@bio_spans.mutant("a span for every tagged token: B and I were not joined")
def token_by_token(tags):
    return as_rows([[b, t, t, (tags[b, t] - 1) // 2] for b, t in np.argwhere(tags > 0)])


@bio_spans.mutant("types counted from one")
def types_from_one(tags):
    return as_rows([[b, i, j, k + 1] for b, i, j, k in rows_of(tags)])


@bio_spans.style
def walked_with_a_flag(tags):
    """One pass over each text; a list of lists turned into an array."""
    spans = []
    for b in range(tags.shape[0]):
        kind = -1
        for t in range(tags.shape[1]):
            tag = int(tags[b, t])
            if tag == 0:
                kind = -1
            elif tag % 2 == 0 and kind == tag // 2 - 1:
                spans[-1][2] = t
            else:
                kind = (tag - 1) // 2
                spans.append([b, t, t, kind])
    return np.array(spans).reshape(len(spans), 4).astype(np.int32)


def counts(predicted, gold):
    """Right, found, there are."""
    right = sum(any((p == g).all() for g in gold) for p in predicted)
    return right, len(predicted), len(gold)


def f1_by_counts(predicted, gold):
    """From precision and recall."""
    right, n, m = counts(predicted, gold)
    if right == 0:
        return 0.0
    precision, recall = right / n, right / m
    return 2 * precision * recall / (precision + recall)


def some_right(draw, n, m, shared):
    """n predicted and m true spans, of which some are the same, in different orders."""
    rows = draw_spans(draw, n + m - shared)
    gold = rows[:m]
    return draw.rng.permutation(np.concatenate([gold[:shared], rows[m:]])), gold


@span_f1.law
def the_harmonic_mean(candidate, draw):
    """It is the harmonic mean of precision and recall, for any share of right spans, in any order."""
    for n, m, shared in ((5, 4, 3), (1, 6, 1), (6, 2, 2), (4, 4, 4), (3, 3, 0), (8, 5, 1)):
        predicted, gold = some_right(draw, n, m, shared)
        agree(candidate(predicted, gold), f1_by_counts(predicted, gold), f"{shared} right of {n} for {m}: F1")


@span_f1.law
def nothing_gives_zero(candidate, draw):
    """Nothing found, nothing to find, or neither: 0."""
    nothing, rows = np.zeros((0, 4), dtype=int), draw_spans(draw, 3)
    for predicted, gold in ((nothing, rows), (rows, nothing), (nothing, nothing)):
        agree(candidate(predicted, gold), 0.0, f"{len(predicted)} found for {len(gold)}: F1")


@span_f1.law
def every_number_counts(candidate, draw):
    """A span whose text, first token, last token or type is another is wrong and missed."""
    gold = np.array([[0, 2, 4, 1], [0, 6, 6, 0], [1, 2, 4, 0]])
    for column in range(4):
        predicted = gold.copy()
        predicted[0, column] += 7
        agree(candidate(predicted, gold), 2 / 3, f"column {column} of one span wrong: F1")
    mixed = np.array([[0, 2, 4, 0], [0, 6, 6, 1], [1, 2, 6, 0]])  # numbers that are right in three different spans
    agree(candidate(mixed, gold), 0.0, "right numbers, but not in one span: F1")
    gold, other = np.array([[0, 2, 5, 1], [1, 12, 13, 0]]), np.array([[1, 2, 5, 0], [11, 2, 13, 0]])
    agree(candidate(other, gold), 0.0, "the same numbers or digits, but in other columns: F1")


@span_f1.law
def both_sides_count(candidate, draw):
    """Spans that are found too many count, and so do those that were missed; the two may change places."""
    gold = draw_spans(draw, 6)
    for n in (1, 3):
        agree(candidate(gold[:n], gold), 2 * n / (n + 6), f"{6 - n} of 6 missed: F1")
        agree(candidate(gold, gold[:n]), 2 * n / (n + 6), f"{6 - n} of 6 too many: F1")


def ratio(a, b):
    """a / b, zero for nothing."""
    return a / b if b else 0.0


@span_f1.mutant("precision alone: missed spans cost nothing")
def precision_alone(predicted, gold):
    right, n, _ = counts(predicted, gold)
    return ratio(right, n)


@span_f1.mutant("recall alone: spans found too many cost nothing")
def recall_alone(predicted, gold):
    right, _, m = counts(predicted, gold)
    return ratio(right, m)


@span_f1.mutant("the arithmetic mean of precision and recall")
def arithmetic_mean(predicted, gold):
    right, n, m = counts(predicted, gold)
    return (ratio(right, n) + ratio(right, m)) / 2


@span_f1.mutant("right spans over all different spans: the Jaccard index, which is F1 / (2 - F1)")
def jaccard(predicted, gold):
    right, n, m = counts(predicted, gold)
    return ratio(right, n + m - right)


@span_f1.mutant("F1 with the types left out: a place of another type counts as right")
def types_left_out(predicted, gold):
    return f1_by_counts(predicted[:, :3], gold[:, :3])


@span_f1.mutant("F1 with the numbers of the texts left out: a span in another text counts as right")
def texts_left_out(predicted, gold):
    return f1_by_counts(predicted[:, 1:], gold[:, 1:])


@span_f1.mutant("F1 that compares the spans row by row: one span too many spoils all behind it")
def row_by_row(predicted, gold):
    n, m = len(predicted), len(gold)
    right = sum((p == g).all() for p, g in zip(predicted, gold, strict=False))
    return ratio(2.0 * right, n + m)


@span_f1.mutant("F1 that is 1 where nothing is to be found and nothing was")
def nothing_is_perfect(predicted, gold):
    return f1_by_counts(predicted, gold) if len(predicted) + len(gold) else 1.0


@span_f1.style
def by_broadcasting(predicted, gold):
    """All pairs compared at once."""
    same = (predicted[:, None] == gold[None]).all(axis=-1)
    total = len(predicted) + len(gold)
    return np.float32(2 * same.sum() / total) if total else 0
