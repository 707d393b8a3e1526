"""A bias that decays by the clock: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, agree, exercise

time_decay_bias = exercise("time_decay_bias", "industry", wings=("in_numpy",))

SHAPES = (((), 5, 3), ((2,), 4, 1), ((1,), 1, 2), ((2, 3), 3, 2))


def draw_times(draw, *shape):
    """Rising times with gaps of very different size."""
    return np.cumsum(draw.rng.exponential(size=shape) ** 2 + 0.01, axis=-1) + 3.0


def pair_by_pair(times, rates):
    """One head, one query, one key at a time."""
    T, H = times.shape[-1], len(rates)
    bias = np.full((*times.shape[:-1], H, T, T), -np.inf)
    for at in np.ndindex(times.shape[:-1]):
        for h, i in np.ndindex(H, T):
            for j in range(i + 1):
                bias[*at, h, i, j] = -rates[h] * (times[*at, i] - times[*at, j])
    return bias


@time_decay_bias.law
def rate_times_time(candidate, draw):
    """Head h loses rates[h] for every unit of time between key and query, and -inf forbids later places."""
    for lead, T, H in again(*SHAPES):
        times, rates = draw_times(draw, *lead, T), np.abs(draw(H)) + 0.1
        agree(candidate(times, rates), pair_by_pair(times, rates), "the bias")


@time_decay_bias.law
def the_clock_and_not_the_count(candidate, draw):
    """A long gap costs more than many short ones; events at the same moment cost nothing, and keep their order."""
    times, rates = np.array([0.0, 0.0, 0.0, 9.0, 9.5, 9.5]), np.array([1.0, 0.25])
    agree(candidate(times, rates), pair_by_pair(times, rates), "the bias")


@time_decay_bias.law
def a_rate_of_zero_never_forgets(candidate, draw):
    """A head of rate 0 has no bias on the past; the future stays forbidden."""
    want = np.where(np.tri(4), 0.0, -np.inf)[None]
    agree(candidate(draw_times(draw, 4), np.zeros(1)), want, "the bias of rate 0")


@time_decay_bias.law
def only_differences_count(candidate, draw):
    """Setting all clocks forward changes nothing; in another unit of time the rates change, the bias does not."""
    times, rates = draw_times(draw, 5), np.abs(draw(2)) + 0.1
    for later in (7.0, 1.7e9):  # seconds since 1970 are too many for float32
        agree(candidate(times + later, rates), pair_by_pair(times, rates), f"the bias {later:g} units later")
    agree(candidate(times * 60.0, rates / 60.0), pair_by_pair(times, rates), "the bias in another unit")


def ago(times):
    """(..., 1, T, T): the query's time less the key's."""
    return (times[..., :, None] - times[..., None, :])[..., None, :, :]


def past(bias):
    """Only places up to the query's."""
    return np.where(np.tri(bias.shape[-1]), bias, -np.inf)


@time_decay_bias.mutant("the count of events between instead of the time: ALiBi, to which all gaps are alike")
def by_count(times, rates):
    return pair_by_pair(np.broadcast_to(np.arange(times.shape[-1]), times.shape), rates)


@time_decay_bias.mutant("the sign flipped: the longer ago, the more it counts")
def rewarded(times, rates):
    return past(rates[:, None, None] * ago(times))


@time_decay_bias.mutant("no causal mask: later events are seen, and the later the better")
def future_seen(times, rates):
    return -rates[:, None, None] * ago(times)


@time_decay_bias.mutant("the distance without a sign: later events are seen as if they were past")
def both_ways(times, rates):
    return -rates[:, None, None] * np.abs(ago(times))


@time_decay_bias.mutant("the event itself forbidden: < where <= belongs")
def not_itself(times, rates):
    T = times.shape[-1]
    return np.where(np.tri(T, k=-1), -rates[:, None, None] * ago(times), -np.inf)


@time_decay_bias.mutant("the past forbidden and the future open: the mask is the transpose")
def mask_transposed(times, rates):
    return np.where(np.tri(times.shape[-1]).T, -rates[:, None, None] * ago(times), -np.inf)


@time_decay_bias.mutant("weights instead of a bias: exp(-rate · time), which belongs behind the softmax")
def as_weights(times, rates):
    return np.exp(past(-rates[:, None, None] * ago(times)))


@time_decay_bias.mutant("0 for the future: an added zero forbids nothing")
def zero_forbids(times, rates):
    return np.where(np.tri(times.shape[-1]), -rates[:, None, None] * ago(times), 0.0)


@time_decay_bias.mutant("gaps to the event before instead of the time since the key")
def last_gap(times, rates):
    gaps = np.diff(times, axis=-1, prepend=times[..., :1])
    return past(
        np.broadcast_to(
            -rates[:, None, None] * gaps[..., None, :, None], (*times.shape[:-1], len(rates), *ago(times).shape[-2:])
        )
    )


@time_decay_bias.style
def one_pair_at_a_time(times, rates):
    """Loops."""
    return pair_by_pair(times, rates)


@time_decay_bias.style
def by_einsum(times, rates):
    """einsum for the product, then an in-place write of -inf above the diagonal, in float32."""
    bias = np.einsum("h,...ij->...hij", -rates, times[..., :, None] - times[..., None, :]).astype(np.float32)
    bias[..., *np.triu_indices(times.shape[-1], 1)] = -np.inf
    return bias
