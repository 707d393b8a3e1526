"""Two attentions merged by their log-sum-exp: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.attention.witness import by_loops, draw_qkv, scores_of, slopes
from headstart.graders.backward.from_output import log_sum_exp
from headstart.graders.kit import agree, exercise, expect

merge_attention = exercise("merge_attention", "ring", chapter="scale")


def part(q, k, v, mask=None):
    """Attention to some keys by loops, and the log-sum-exp of its scores."""
    return by_loops(q, k, v, mask), log_sum_exp(scores_of(q, k, mask))


def pair(got):
    """(out, lse) of an answer."""
    expect(isinstance(got, tuple | list) and len(got) == 2, "the result is not (out, lse)")
    return got


def both(got, want, what):
    """Compare two pairs."""
    for name, g, w in zip(("out", "lse"), pair(got), want, strict=True):
        agree(g, w, f"{name} {what}")


@merge_attention.law
def halves_make_the_whole(candidate, draw):
    """Two sets of keys, merged, give attention to all of them at once: the output and the log-sum-exp."""
    for lead, T, cuts, d_v in (((), 3, (2, 5), 4), ((2,), 4, (3, 3), 2), ((1, 2), 1, (1, 4), 3), ((2,), 3, (6, 1), 1)):
        q, k, v = draw_qkv(draw, lead, T, sum(cuts), 3, d_v, scale=1.5)
        first, second = slice(cuts[0]), slice(cuts[0], None)
        parts = (*part(q, k[..., first, :], v[..., first, :]), *part(q, k[..., second, :], v[..., second, :]))
        both(candidate(*parts), part(q, k, v), f"after {cuts[0]} and {cuts[1]} keys")


@merge_attention.law
def order_and_brackets_do_not_matter(candidate, draw):
    """a with b is b with a, and (a with b) with c is a with (b with c)."""
    a, b, c = ((draw(2, 3, 2), draw(2, 3, scale=2.0)) for _ in range(3))
    both(candidate(*b, *a), pair(candidate(*a, *b)), "of b with a")
    both(candidate(*a, *pair(candidate(*b, *c))), pair(candidate(*pair(candidate(*a, *b)), *c)), "in other brackets")


@merge_attention.law
def nothing_changes_nothing(candidate, draw):
    """Attention to no key at all, (0, -inf), leaves the other as it is; two of them stay zeros and -inf."""
    out, lse = draw(2, 4, 3), draw(2, 4)
    nothing = np.zeros((2, 4, 3)), np.full((2, 4), -np.inf)
    both(candidate(out, lse, *nothing), (out, lse), "with nothing after it")
    both(candidate(*nothing, out, lse), (out, lse), "with nothing before it")
    dead = np.where(np.arange(4) == 1, -np.inf, lse)
    kept = np.where(np.isinf(dead)[..., None], 0.0, out)
    both(candidate(kept, dead, *nothing), (kept, dead), "where one query has no key in either")


@merge_attention.law
def far_apart_and_far_from_zero(candidate, draw):
    """Log-sum-exps of ±1000 neither overflow nor vanish: only their difference matters."""
    a, b = draw(3, 2), draw(3, 2)
    for base in (1000.0, -1000.0):
        lse, other = base + np.array([0.0, 1600.0, -3.0]), np.full(3, base)
        share = 1 / (1 + np.exp([[0.0], [-1600.0], [3.0]]))
        want = share * a + (1 - share) * b, np.logaddexp(lse, other)
        for got in (candidate(a, lse, b, other), candidate(b, other, a, lse)):
            for g, w, name in zip(pair(got), want, ("out", "lse"), strict=True):
                agree(g, w, f"{name} with log-sum-exps near {base:g}", rtol=1e-3, atol=1e-3)


@merge_attention.law(wings=("in_torch",))
def merging_passes_gradients(candidate, draw):
    """Outputs and log-sum-exps get their gradients, equal to finite differences; a part without keys passes zeros."""
    parts, g = (draw(3, 2), draw(3), draw(3, 2), draw(3)), (draw(3, 2), draw(3))
    got = candidate.gradients(g, *parts)
    by_out, by_lse = (slopes(lambda *parts, i=i: merged(*parts)[i], g[i], *parts) for i in (0, 1))
    for name, mine, *want in zip(("out_a", "lse_a", "out_b", "lse_b"), got, by_out, by_lse, strict=True):
        agree(mine, sum(want), f"the gradient for {name}")
    alive = np.array([True, False, False])  # of the second part; of the first the last query has no key either
    nothing = np.where(alive[:, None], parts[2], 0.0), np.where(alive, parts[3], -np.inf)
    first = parts[0], np.where([True, True, False], parts[1], -np.inf)
    _, _, got_out, got_lse = candidate.gradients(g, *first, *nothing)
    agree(got_out[1:], np.zeros((2, 2)), "the gradient for out_b where it has no key")
    agree(got_lse[1:], np.zeros(2), "the gradient for lse_b where it has no key")


def merged(out_a, lse_a, out_b, lse_b, top=None, total=None, lse=None):
    """A merge with a (wrong) maximum, normaliser or log-sum-exp."""
    top = np.maximum(lse_a, lse_b) if top is None else top
    top = np.where(np.isfinite(top), top, 0.0)
    a, b = np.exp(lse_a - top), np.exp(lse_b - top)
    whole = np.where(a + b == 0, 1.0, a + b)
    out = (a[..., None] * out_a + b[..., None] * out_b) / (whole if total is None else total)[..., None]
    return out, np.where(a + b == 0, -np.inf, np.log(whole) + top) if lse is None else lse


@merge_attention.mutant("the plain average of the two outputs")
def averaged(out_a, lse_a, out_b, lse_b):
    return (out_a + out_b) / 2, merged(out_a, lse_a, out_b, lse_b)[1]


@merge_attention.mutant("the sum of the two outputs: each is already normalised over its own keys")
def added(out_a, lse_a, out_b, lse_b):
    return out_a + out_b, merged(out_a, lse_a, out_b, lse_b)[1]


@merge_attention.mutant("outputs weighted by their log-sum-exps themselves, not by exp of them")
def weighted_by_lse(out_a, lse_a, out_b, lse_b):
    total = (lse_a + lse_b)[..., None]
    out = (lse_a[..., None] * out_a + lse_b[..., None] * out_b) / np.where(total == 0, 1.0, total)
    return out, merged(out_a, lse_a, out_b, lse_b)[1]


@merge_attention.mutant("a right output with the larger log-sum-exp instead of the common one")
def larger_lse(out_a, lse_a, out_b, lse_b):
    return merged(out_a, lse_a, out_b, lse_b, lse=np.maximum(lse_a, lse_b))


@merge_attention.mutant("a right output with the two log-sum-exps added, which multiplies what should be summed")
def lse_added(out_a, lse_a, out_b, lse_b):
    return merged(out_a, lse_a, out_b, lse_b, lse=lse_a + lse_b)


@merge_attention.mutant("a merge without a maximum, which overflows for large log-sum-exps")
def merged_without_maximum(out_a, lse_a, out_b, lse_b):
    return merged(out_a, lse_a, out_b, lse_b, top=np.zeros_like(lse_a))


@merge_attention.mutant("a merge that is NaN where neither part allowed anything: -inf - (-inf)")
def nan_for_nothing(out_a, lse_a, out_b, lse_b):
    lse = np.logaddexp(lse_a, lse_b)
    out = np.exp(lse_a - lse)[..., None] * out_a + np.exp(lse_b - lse)[..., None] * out_b
    return out, lse


@merge_attention.mutant("outputs weighted and summed, but not divided by the sum of the weights")
def not_normalised(out_a, lse_a, out_b, lse_b):
    return merged(out_a, lse_a, out_b, lse_b, total=np.ones_like(lse_a))


@merge_attention.mutant("a merge with the weights exchanged: each part gets the other's share")
def weights_exchanged(out_a, lse_a, out_b, lse_b):
    return merged(out_b, lse_a, out_a, lse_b)


@merge_attention.style
def by_a_sigmoid(out_a, lse_a, out_b, lse_b):
    """The first part's share is a sigmoid of the difference; nothing is handled apart."""
    empty = np.isinf(lse_a) & np.isinf(lse_b)
    share = 1 / (1 + np.exp(np.clip(np.where(empty, 0.0, lse_b - np.where(empty, 0.0, lse_a)), -700, 700)))
    out = out_b + share[..., None] * (out_a - out_b)
    return np.where(empty[..., None], 0.0, out), np.logaddexp(lse_a, lse_b)


@merge_attention.style
def merged_in_float32(*parts):
    """float32 throughout, a list returned."""
    return list(merged(*(a.astype(np.float32) for a in parts)))


@merge_attention.style
def query_by_query(out_a, lse_a, out_b, lse_b):
    """A loop with a branch."""
    out, lse = np.zeros_like(out_a), np.full_like(lse_a, -np.inf)
    for at in np.ndindex(lse.shape):
        top = max(lse_a[at], lse_b[at])
        if top > -math.inf:
            a, b = math.exp(lse_a[at] - top), math.exp(lse_b[at] - top)
            out[at], lse[at] = (a * out_a[at] + b * out_b[at]) / (a + b), top + math.log(a + b)
    return out, lse
