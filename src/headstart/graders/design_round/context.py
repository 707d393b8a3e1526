"""The longest context for a memory: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

longest_context = exercise("longest_context", "design", chapter="design-round", wings=("in_numpy",))

MODELS = (  # layers, key and value heads, width, window, every so many layers one is global, bytes
    (6, 2, 3, 4, 3, 2),
    (7, 2, 3, 5, 3, 1),
    (5, 1, 4, 2, 1, 4),
    (4, 3, 2, 5, 4, 2),
    (6, 1, 2, 7, 2, 2),
    (2, 5, 1, 3, 2, 4),
)


def by_layers(T, layers, heads, width, window, every, size):
    """Bytes of the cache, layer by layer, for one length or an array of them."""
    tokens = sum(T if layer % every == 0 else np.minimum(T, window) for layer in range(1, layers + 1))
    return 2 * heads * width * size * tokens


def by_trying(budget, *model):
    """How many lengths fit: a token more never needs less."""
    return int(np.sum(by_layers(np.arange(1, budget + 1), *model) <= budget))


@longest_context.law
def one_token_more_does_not_fit(candidate, draw):
    """The result is the largest number of tokens whose cache, counted layer by layer, is within the budget."""
    for model in MODELS:
        full = int(by_layers(model[3], *model))  # every window is just filled
        for budget in (full - 1, full, full + 1, full // 2 + 1, 3 * full + 7, 5 * full - 1, 1):
            whole(candidate(budget, *model), by_trying(budget, *model), f"the length for {budget} bytes and {model}")


@longest_context.law
def an_exact_fit_fits(candidate, draw):
    """A budget that T tokens fill to the last byte holds T tokens."""
    for model in MODELS:
        for T in (1, 2, 5, 9, 40):
            budget = int(by_layers(T, *model))
            whole(candidate(budget, *model), T, f"the length for {budget} bytes and {model}")


@longest_context.law
def large_numbers_stay_exact(candidate, draw):
    """Numbers have 16 bits unless said otherwise, and a budget of any size is counted exactly."""
    model = (48, 8, 10**12, 1024, 6)  # wide, not long: whoever adds one token after another must come to an end
    budget = int(by_layers(2000, *model, 2))
    whole(candidate(budget, *model), 2000, "the length for a cache of 10¹⁸ bytes")
    whole(candidate(budget - 1, *model), 1999, "the length with one byte less")


@longest_context.law
def no_end_is_refused(candidate, draw):
    """A size below one, and a model without a global layer, is refused by an exception."""
    for place in range(7):
        sizes = [2] * place + [0] + [2] * (6 - place)
        expect(candidate.refuses(*sizes), f"it answered for {tuple(sizes)}, it should raise ValueError")
    for budget in (8, 1000):
        refused = candidate.refuses(budget, 3, 1, 2, 4, 4)
        expect(refused, f"it answered for 3 layers, all local, and {budget} bytes; it should raise ValueError")


@longest_context.mutant("the length with every layer global: the windows save nothing")
def all_global(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    return budget // (2 * num_layers * num_kv_heads * d_head * bytes_per_number)


@longest_context.mutant("the length with full windows from the first token on: while T is shorter they hold T")
def full_windows(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    num_global = num_layers // global_every
    tokens = budget // (2 * num_kv_heads * d_head * bytes_per_number)
    return max(0, (tokens - (num_layers - num_global) * window) // num_global)


@longest_context.mutant("the length with free windows: the local layers' share of the budget was not taken off")
def free_windows(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    tokens = budget // (2 * num_kv_heads * d_head * bytes_per_number)
    return tokens // num_layers if tokens <= num_layers * window else tokens // (num_layers // global_every)


@longest_context.mutant("the length for keys alone: the values are cached too")
def keys_alone(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    return by_rule(budget, num_layers, num_kv_heads * d_head * bytes_per_number, window, num_layers // global_every)


@longest_context.mutant("the length with local and global layers exchanged")
def exchanged(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    num_global = max(1, num_layers - num_layers // global_every)
    return by_rule(budget, num_layers, 2 * num_kv_heads * d_head * bytes_per_number, window, num_global)


@longest_context.mutant("the length with the windows' share divided and rounded by itself: at times one token too many")
def rounded_twice(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    num_global = num_layers // global_every
    tokens = budget // (2 * num_kv_heads * d_head * bytes_per_number)
    if tokens <= num_layers * window:
        return tokens // num_layers
    return tokens // num_global - (num_layers - num_global) * window // num_global


def by_rule(budget, num_layers, row, window, num_global):
    """The length for so many bytes a token and layer, and so many global layers."""
    tokens = budget // row
    if tokens <= num_layers * window:
        return tokens // num_layers
    return (tokens - (num_layers - num_global) * window) // num_global


@longest_context.style
def by_halving(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    """A search between a length that fits and one that does not."""
    if min(budget, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number) < 1:
        raise ValueError("a size below one")
    if not any(layer % global_every == 0 for layer in range(1, num_layers + 1)):
        raise ValueError("no global layer")
    num_global = num_layers // global_every
    low, high = 0, budget + 1
    while high - low > 1:
        middle = (low + high) // 2
        tokens = num_global * middle + (num_layers - num_global) * min(middle, window)
        fits = 2 * num_kv_heads * d_head * bytes_per_number * tokens <= budget
        low, high = (middle, high) if fits else (low, middle)
    return low
