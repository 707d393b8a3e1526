"""A layer on several devices: which heads live where, and the exchange that swaps tokens for heads.

A rank is one device's process, one of R. Arrays with an axis R hold what every rank has, side by side: a stand-in for R
memories, so that all of it can be tested in one process.
"""

from headstart.contract import ShapeError, shapes


@shapes(W_q="d_model d_all", W_k="d_model d_kv", W_v="d_model d_kv", W_o="d_all d_out")
def shard_layer(W_q, W_k, W_v, W_o, num_heads, rank, num_ranks):
    """Cut out what one rank needs of a layer: whole heads, as columns of the three projections and rows of W_o.

    W_q        (d_model, H·d_head)
    W_k, W_v   (d_model, H·d_head)   or fewer columns, (d_model, G·d_head): G key and value heads, G a divisor of H
    W_o        (H·d_head, d_out)
    num_heads  int H                 query heads; rank r gets the heads r·H/R … (r+1)·H/R - 1
    rank       int                   0 … num_ranks - 1, else ValueError
    num_ranks  int                   at least 1; R, must divide H, else ValueError
    return     (W_q, W_k, W_v, W_o) of this rank; W_k and W_v with those heads that its query heads read

    Query head h reads key and value head h // (H/G). Columns that are no whole heads, or a G that does not divide H,
    raise ValueError. Law: the outputs of the ranks' small layers add up to the output of the whole layer.
    Source: Shoeybi et al. 2019, section 3.
    """
    width, d_kv = W_q.shape[1], W_k.shape[1]
    if num_heads < 1 or width % num_heads != 0 or d_kv % (width // num_heads) != 0:
        raise ShapeError(f"shard_layer: width {width} does not divide into {num_heads} heads, or {d_kv} not into such")
    d_head, G = width // num_heads, d_kv * num_heads // width
    if G < 1 or num_heads % G != 0 or rank not in range(num_ranks) or num_heads % num_ranks != 0:
        sizes = f"got {num_heads}, {G} and {num_ranks}, rank {rank}"
        raise ValueError(f"shard_layer: G and num_ranks must be at least 1 and divide num_heads, {sizes}")
    heads, group = num_heads // num_ranks, num_heads // G
    first, last = rank * heads, (rank + 1) * heads - 1  # query heads
    mine = slice(first * d_head, (last + 1) * d_head)
    read = slice(first // group * d_head, (last // group + 1) * d_head)
    return W_q[:, mine], W_k[:, read], W_v[:, read], W_o[mine]


@shapes(x="... R H n d_head")
def sequence_to_heads(x):
    """Go from "every rank has all heads of some tokens" to "every rank has all tokens of some heads": an all-to-all.

    x       (..., R, R·h, n, d_head)   rank r holds the tokens r·n … (r+1)·n - 1 in all R·h heads
    return  (..., R, h, R·n, d_head)   rank r holds all R·n tokens in the heads r·h … (r+1)·h - 1

    Raises ShapeError if the heads do not divide into R ranks. Law: heads_to_sequence undoes it exactly, and what a rank
    keeps to itself is one part in R.
    Source: Jacobs et al. 2023, section 3.
    """
    *leading, R, H, n, d_head = x.shape
    if H % R != 0:
        raise ShapeError(f"sequence_to_heads: {H} heads do not divide into {R} ranks")
    joined = x.swapaxes(-4, -3)  # (..., R·h, R, n, d_head): for each head its tokens, rank after rank
    return joined.reshape(*leading, R, H // R, R * n, d_head)


@shapes(x="... R h T d_head")
def heads_to_sequence(x):
    """Go back from "all tokens of some heads" to "all heads of some tokens": the second all-to-all.

    x       (..., R, h, R·n, d_head)   rank r holds all R·n tokens in the heads r·h … (r+1)·h - 1
    return  (..., R, R·h, n, d_head)   rank r holds the tokens r·n … (r+1)·n - 1 in all R·h heads

    Raises ShapeError if the tokens do not divide into R ranks. Law: it undoes sequence_to_heads, so each is also the
    other's backward pass.
    Source: Jacobs et al. 2023, section 3.
    """
    *leading, R, h, T, d_head = x.shape
    if T % R != 0:
        raise ShapeError(f"heads_to_sequence: {T} tokens do not divide into {R} ranks")
    return x.reshape(*leading, R * h, R, T // R, d_head).swapaxes(-4, -3)
