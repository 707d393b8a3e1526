"""What attention costs: operations, bytes, operations per byte, and the speed that a machine can reach at best.

Plain Python numbers: they belong to no array library. A multiply-add counts as two operations.
"""


def attention_flops(T_q, T_k, d_head, num_heads=1, causal=False):
    """Count the operations of both matrix products of attention, q kᵀ and weights times v, for one sequence.

    T_q        int    at least 1
    T_k        int    at least 1
    d_head     int    at least 1; the values have this width too
    num_heads  int    at least 1; else ValueError
    causal     bool   count only the pairs that a causal mask allows; the last query sees every key
    return     int    softmax, scaling and the projections are left out

    Law: causal prefill (T_q = T_k) costs T²/2 pairs and half a diagonal; T single steps over a growing cache cost as
    much, because each pair of query and key is met once either way.
    Source: Dao 2024, section 4.1 (4 · T² · d_head · heads, halved under a causal mask).
    """
    if min({T_q, T_k, d_head, num_heads}) < 1:
        raise ValueError("attention_flops: every size must be at least 1")
    pairs = T_q * T_k
    if causal:
        seeing = min(T_q, T_k)  # the queries before these see nothing
        pairs = seeing * T_k - seeing * (seeing - 1) // 2
    return 4 * num_heads * d_head * pairs


def attention_bytes(T_q, T_k, d_head, num_heads=1, num_kv_heads=None, block_size=None, itemsize=2):
    """Count the bytes that attention over one sequence moves from and to main memory, each array as a whole.

    T_q           int    at least 1
    T_k           int    at least 1
    d_head        int    at least 1; the values have this width too
    num_heads     int    at least 1
    num_kv_heads  int    at least 1; must divide num_heads, which share keys and values in groups; None: as many
    block_size    int    at least 1; else ValueError. None: three steps, with all scores in main memory
    itemsize      int    bytes of a number: 2 in float16 or bfloat16
    return        int

    q is read and the output written once. In three steps the scores are written, read, turned into weights, written
    and read again, and keys and values are read once. In tiles no score leaves the chip, and keys and values are read
    once for every block of queries; the heads of a group read them together.
    Law: without blocks the count grows with T_q · T_k; with a block of T_q queries it does not.
    Source: Dao et al. 2022, section 3.2; the order of the loops is that of Dao 2024, algorithm 1.
    """
    num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
    if min({T_q, T_k, d_head, num_heads, num_kv_heads, block_size} - {None}) < 1 or num_heads % num_kv_heads != 0:
        raise ValueError("attention_bytes: every size must be at least 1, and num_kv_heads must divide num_heads")
    queries_and_output = 2 * num_heads * T_q * d_head
    keys_and_values = 2 * num_kv_heads * T_k * d_head
    if block_size is None:
        return itemsize * (queries_and_output + keys_and_values + 4 * num_heads * T_q * T_k)
    return itemsize * (queries_and_output + -(-T_q // block_size) * keys_and_values)


def matmul_intensity(rows, d_in, d_out, itemsize=2):
    """Operations per byte of x W, if x and W are read and the result is written once.

    rows      int    at least 1; tokens in x, those of all sequences together
    d_in      int    at least 1
    d_out     int    at least 1; else ValueError
    itemsize  int    bytes of a number
    return    float  FLOPs per byte

    Law: for few rows it is about 2 · rows / itemsize, whatever the sizes of W: W is read once and used `rows` times.
    Source: Williams, Waterman and Patterson 2009 (operational intensity).
    """
    if min({rows, d_in, d_out}) < 1:
        raise ValueError("matmul_intensity: every size must be at least 1")
    return 2 * rows * d_in * d_out / (itemsize * (rows * d_in + d_in * d_out + rows * d_out))


def attainable_flops(intensity, peak_flops, bandwidth):
    """The roofline: operations per second that a machine reaches at best at a given number of operations per byte.

    intensity   float  above 0; operations per byte
    peak_flops  float  above 0; operations per second
    bandwidth   float  above 0; bytes per second; else ValueError
    return      float

    Law: left of the ridge, peak_flops / bandwidth, memory decides and the bound rises with the intensity; right of it
    arithmetic decides and the bound is flat.
    Source: Williams, Waterman and Patterson 2009.
    """
    if min({intensity, peak_flops, bandwidth}) <= 0:
        raise ValueError("attainable_flops: intensity, peak_flops and bandwidth must be above 0")
    return min(peak_flops, intensity * bandwidth)


def decode_tokens_per_second(B, T_k, num_parameters, cache_numbers, peak_flops, bandwidth, itemsize=2):
    """Bound the tokens per second of B sequences together, when a decoder writes one token for each in every step.

    B               int    at least 1; sequences decoded together
    T_k             int    at least 1; tokens in the cache of each sequence
    num_parameters  int    at least 1; numbers in the weights, read once a step for all sequences together
    cache_numbers   int    at least 1; numbers in the cache per token, all layers together; each sequence reads its own
    peak_flops      float  above 0; operations per second
    bandwidth       float  above 0; bytes per second; else ValueError
    itemsize        int    bytes of a number, in weights and cache
    return          float  B tokens over the time of a step: that of its bytes or of its operations, the longer one

    Each parameter and each cached number takes part in one multiply-add a sequence (more, where heads share the cache).
    Law: more sequences never make fewer tokens per second, but with a long cache the bound stops growing at
    bandwidth / bytes of one cache.
    Source: Pope et al. 2023, section 2 (what a step loads and computes).
    """
    if min({B, T_k, num_parameters, cache_numbers}) < 1:
        raise ValueError("decode_tokens_per_second: B, T_k, num_parameters and cache_numbers must be at least 1")
    if min({peak_flops, bandwidth}) <= 0:
        raise ValueError("decode_tokens_per_second: peak_flops and bandwidth must be above 0")
    loading = itemsize * (num_parameters + B * T_k * cache_numbers) / bandwidth
    computing = 2 * B * (num_parameters + T_k * cache_numbers) / peak_flops
    return B / max(loading, computing)
