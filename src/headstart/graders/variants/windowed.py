"""Bytes of a cache with local layers: laws, known mistakes, accepted styles."""

from headstart.graders.kit import exercise, expect
from headstart.graders.multi_head.counts import whole

windowed_cache_bytes = exercise("windowed_cache_bytes", "cache_counts", chapter="variants", wings=("in_numpy",))

CASES = (  # T, layers, key and value heads, width, window, every so many layers one is global, bytes
    (10, 6, 2, 3, 4, 3, 2),
    (10, 7, 2, 3, 4, 3, 1),
    (3, 6, 2, 3, 4, 2, 2),
    (9, 5, 1, 4, 2, 9, 2),
    (9, 5, 1, 4, 2, 1, 4),
    (8, 4, 3, 2, 5, 6, 2),
)


def by_layers(T, layers, heads, width, window, every, size):
    """Layer by layer, token by token."""
    total = 0
    for layer in range(1, layers + 1):
        is_global = layer % every == 0
        kept = [t for t in range(T) if is_global or t >= T - window]
        total += sum(2 * heads * width * size for _ in kept)
    return total


@windowed_cache_bytes.law
def layer_by_layer(candidate, draw):
    """A global layer keeps every token, a local one the last `window`: the count is their sum, layer by layer."""
    for case in CASES:
        whole(candidate(*case), by_layers(*case), f"the count for {case}")


@windowed_cache_bytes.law
def short_sequences_need_no_window(candidate, draw):
    """While the sequence fits into the window, local and global layers keep the same."""
    for T in (1, 7, 8):
        whole(candidate(T, 6, 2, 4, 8, 3), candidate(T, 6, 2, 4, 8, 1), f"the count for {T} tokens and a window of 8")


@windowed_cache_bytes.law
def local_layers_stop_growing(candidate, draw):
    """With no global layer the cache stops growing at the window; numbers have 16 bits unless said otherwise."""
    for T in (8, 9, 800):
        whole(candidate(T, 6, 2, 4, 8, 7), 6 * 8 * 2 * 2 * 4 * 2, f"the count for {T} tokens and a window of 8")


@windowed_cache_bytes.law
def sizes_of_windows_start_at_one(candidate, draw):
    """A size below one is refused by an exception, whichever of the seven it is."""
    for place in range(7):
        for bad in (0, -1):
            sizes = [2] * place + [bad] + [2] * (6 - place)
            expect(candidate.refuses(*sizes), f"it counted {tuple(sizes)}, it should raise ValueError")


def counted(T, layers, heads, width, window, num_global, size):
    """The count with a (wrong) number of global layers."""
    return 2 * heads * width * size * (num_global * T + (layers - num_global) * min(T, window))


@windowed_cache_bytes.mutant("the count with every layer global: the window saves nothing")
def all_global(T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    return counted(T, num_layers, num_kv_heads, d_head, window, num_layers, bytes_per_number)


@windowed_cache_bytes.mutant("the count with every layer local: the global ones keep everything")
def all_local(T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    return counted(T, num_layers, num_kv_heads, d_head, window, 0, bytes_per_number)


@windowed_cache_bytes.mutant("local layers that keep a full window before there are as many tokens")
def full_window_at_once(T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    num_global = num_layers // global_every
    numbers = num_global * T + (num_layers - num_global) * window
    return 2 * num_kv_heads * d_head * bytes_per_number * numbers


@windowed_cache_bytes.mutant("local and global layers exchanged: one local layer to every g - 1 global ones")
def exchanged(T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    num_global = num_layers - num_layers // global_every
    return counted(T, num_layers, num_kv_heads, d_head, window, num_global, bytes_per_number)


@windowed_cache_bytes.mutant("the number of global layers rounded up: with layers g, 2g, … it is rounded down")
def first_layer_global(T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    num_global = -(-num_layers // global_every)
    return counted(T, num_layers, num_kv_heads, d_head, window, num_global, bytes_per_number)


@windowed_cache_bytes.style
def listed_by_layers(T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number=2):
    """A list of what each layer keeps."""
    if min(T, num_layers, num_kv_heads, d_head, window, global_every, bytes_per_number) < 1:
        raise ValueError("a size below one")
    kept = [T if layer % global_every == 0 else min(T, window) for layer in range(1, num_layers + 1)]
    return sum(kept) * 2 * num_kv_heads * d_head * bytes_per_number
