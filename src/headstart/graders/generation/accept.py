"""Accept or replace drafted tokens: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.generation.pick import draw_distribution, picked_by_loops
from headstart.graders.generation.residual import residual_by_loops
from headstart.graders.kit import agree, exercise, expect

accept_drafts = exercise(
    "accept_drafts", "speculative", chapter="generation", wings=("in_numpy",), needs=("pick_token", "residual")
)


def accepted_by_loops(p, q, drafted, uniforms, uniform):
    """The algorithm, one draft at a time."""
    written = []
    for t, token in enumerate(drafted):
        if q[t][token] > 0 and uniforms[t] < p[t][token] / q[t][token]:
            written.append(token)
        else:
            return np.array([*written, picked_by_loops(residual_by_loops(p[t], q[t]), uniform)])
    return np.array([*written, picked_by_loops(p[len(drafted)], uniform)])


def draw_round(draw, T, n=5):
    """Distributions of both models, drafts drawn from q, and uniform numbers."""
    p, q = draw_distribution(draw, T + 1, n), draw_distribution(draw, T, n)
    drafted = np.array([picked_by_loops(row, u) for row, u in zip(q, draw.rng.random(T), strict=True)], dtype=int)
    return p, q, drafted, draw.rng.random(T), float(draw.rng.random())


def same_tokens(got, want):
    """Raise Broken unless the same tokens, as whole numbers, were written."""
    expect(np.asarray(got).ndim == 1, f"the tokens have shape {np.shape(got)}, they should be a row")
    expect(np.asarray(got).dtype.kind in "iu", f"the tokens are {np.asarray(got).dtype}, they should be whole numbers")
    agree(got, want, "the row of tokens")


@accept_drafts.law
def kept_up_to_the_first_refusal(candidate, draw):
    """Drafts are kept while uniform < p / q; the first refused one is replaced from the residual and ends the round."""
    for T in (0, 1, 2, 4, 4, 4, 6):
        inputs = draw_round(draw, T)
        same_tokens(candidate(*inputs), accepted_by_loops(*inputs))
    p, q = np.array([[0.25] * 4, [0.1, 0.55, 0.25, 0.1], [0.25] * 4]), np.array([[0.25] * 4, [0.4, 0.1, 0.1, 0.4]])
    for uniform, token in ((0.1, 1), (0.6, 1), (0.7, 1), (0.9, 2)):  # the residual of row 1: 0, 3/4, 1/4, 0
        got = candidate(p, q, np.array([2, 0]), np.array([0.9, 0.7]), uniform)
        same_tokens(got, np.array([2, token]))
    p, q = np.array([[0.3, 0.7], [0.3, 0.7], [0.5, 0.5]]), np.array([[0.6, 0.4], [0.6, 0.4]])
    same_tokens(candidate(p, q, np.array([0, 0]), np.array([0.4, 0.4]), 0.2), np.zeros(3))  # each ratio by itself


@accept_drafts.law
def nothing_is_refused_without_reason(candidate, draw):
    """A draft that the target likes at least as much is always kept; with all kept the target adds one more token."""
    p, _, drafted, *_ = draw_round(draw, 4)
    for uniform in (0.05, 0.35, 0.65, 0.95):
        want = np.append(drafted, picked_by_loops(p[-1], uniform))
        same_tokens(candidate(p, p[:-1].copy(), drafted, np.full(4, 0.999), uniform), want)


@accept_drafts.law
def the_target_never_writes_the_impossible(candidate, draw):
    """A draft of probability zero in the target is refused even at uniform 0, and replaced by what the draft lacks."""
    p, q = np.array([[0.0, 0.5, 0.5], [0.2, 0.3, 0.5]]), np.array([[0.5, 0.5, 0.0]])
    for uniform in (0.0, 0.5, 0.9):
        same_tokens(candidate(p, q, np.array([0]), np.zeros(1), uniform), np.array([2]))


@accept_drafts.law
def written_as_the_target_would(candidate, draw):
    """Averaged over all drafts and a grid of uniform numbers, the first token has the target's distribution."""
    p, q = np.array([[0.5, 0.3, 0.2], [0.2, 0.2, 0.6]]), np.array([[0.2, 0.6, 0.2]])
    total, grid = np.zeros(3), (np.arange(10) + 0.5) / 10
    for token in range(3):
        for u in grid:
            for v in grid[2::5]:
                first = np.asarray(candidate(p, q, np.array([token]), np.array([u]), float(v)))[0]
                total[int(first)] += q[0, token] / 20
    agree(total, p[0], "the distribution of the first token", rtol=0, atol=0.02)


@accept_drafts.law
def a_row_for_every_place(candidate, draw):
    """The target scores one place more than there are drafts; anything else is refused by an exception."""
    p, q, drafted, uniforms, uniform = draw_round(draw, 3)
    for rows in (p[:-1], np.vstack([p, p[:1]])):
        expect(candidate.refuses(rows, q, drafted, uniforms, uniform), f"it took {len(rows)} rows of p for 3 drafts")


def accept_with(keeps=lambda u, p, q: u * q < p, after=residual_by_loops, stop=True, bonus=True):
    """A right round, or one with a wrong rule, replacement or end."""

    def run(p, q, drafted, uniforms, uniform):
        assert len(p) == len(drafted) + 1, "rows"
        written = []
        for t, token in enumerate(drafted):
            if keeps(uniforms[t], p[t, token], q[t, token]):
                written.append(token)
                continue
            written.append(picked_by_loops(after(p[t], q[t]), uniform))
            if stop:
                return np.array(written)
        return np.array([*written, picked_by_loops(p[-1], uniform)] if bonus else written)

    return run


@accept_drafts.mutant("a refused draft replaced from p instead of the residual: the draft's favourites come too often")
def replaced_from_p(*args):
    return accept_with(after=lambda p, q: p)(*args)


@accept_drafts.mutant("a refused draft replaced from q: the draft model's own distribution once more")
def replaced_from_q(*args):
    return accept_with(after=lambda p, q: q)(*args)


@accept_drafts.mutant("a refused draft replaced by the likeliest token of the residual: nothing was drawn")
def replaced_by_the_likeliest(*args):
    return accept_with(after=lambda p, q: np.eye(len(p))[np.argmax(residual_by_loops(p, q))])(*args)


@accept_drafts.mutant("drafts kept where uniform < q / p: the ratio upside down")
def ratio_upside_down(*args):
    return accept_with(keeps=lambda u, p, q: u * p < q)(*args)


@accept_drafts.mutant("drafts kept where uniform < p: the draft's own probability was not taken into account")
def kept_by_p_alone(*args):
    return accept_with(keeps=lambda u, p, q: u < p)(*args)


@accept_drafts.mutant("drafts kept where p >= q, never by chance: tokens that the draft overrates are lost")
def never_by_chance(*args):
    return accept_with(keeps=lambda u, p, q: p >= q)(*args)


@accept_drafts.mutant("drafts behind a refused one kept too: they were drawn for another past")
def goes_on_after_refusal(*args):
    return accept_with(stop=False)(*args)


@accept_drafts.mutant("no token of the target's own when all drafts are kept: its last row is wasted")
def no_bonus(*args):
    return accept_with(bonus=False)(*args)


@accept_drafts.style
def by_finding_the_first(p, q, drafted, uniforms, uniform):
    """All ratios at once, then the first refusal."""
    places = np.arange(len(drafted))
    if len(p) != len(q) + 1:
        raise ValueError("rows")
    ratio = p[places, drafted] / np.maximum(q[places, drafted], 1e-300)
    refused = np.flatnonzero(uniforms >= np.minimum(1.0, ratio))
    m = int(refused[0]) if len(refused) else len(drafted)
    source = residual_by_loops(p[m], q[m]) if m < len(drafted) else p[-1]
    return np.append(drafted[:m], picked_by_loops(source, uniform)).astype(int)
