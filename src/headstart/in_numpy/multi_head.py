"""Multi-head attention: several attentions side by side in narrow subspaces, mixed by one output projection."""

from headstart.contract import ShapeError, shapes
from headstart.in_numpy.attention import scaled_dot_product_attention


@shapes(x="... T d_model")
def split_heads(x, num_heads):
    """Cut the feature axis into heads and move the heads in front of the tokens.

    x          (..., T, d_model)          already projected: x W_q, x W_k or x W_v
    num_heads  int H                      must divide d_model, else ShapeError (a ValueError)
    return     (..., H, T, d_head)        d_head = d_model / H; head h holds the features h·d_head … (h+1)·d_head - 1

    Law: every head sees every token; merge_heads undoes it exactly.
    Source: Vaswani et al. 2017, section 3.2.2.
    """
    *leading, T, d_model = x.shape
    if num_heads < 1 or d_model % num_heads != 0:
        raise ShapeError(f"split_heads: d_model {d_model} does not divide into {num_heads} heads")
    return x.reshape(*leading, T, num_heads, d_model // num_heads).swapaxes(-3, -2)


@shapes(x="... H T d_head")
def merge_heads(x):
    """Put the heads back side by side on the feature axis: the "Concat" of the paper.

    x       (..., H, T, d_head)
    return  (..., T, H·d_head)

    Law: merge_heads(split_heads(x, H)) = x for every H that divides d_model.
    Source: Vaswani et al. 2017, section 3.2.2.
    """
    *leading, H, T, d_head = x.shape
    return x.swapaxes(-3, -2).reshape(*leading, T, H * d_head)


@shapes(
    x_q="... T_q d_model", x_kv="... T_k d_model", mask="bool ... T_q T_k",
    W_q="d_model d_all", W_k="d_model d_all", W_v="d_model d_all", W_o="d_all d_out",
)  # fmt: skip
def multi_head_attention(x_q, x_kv, W_q, W_k, W_v, W_o, num_heads, mask=None):
    """Attend with H heads: project, split, attend in every head, merge, project.

    x_q            (..., T_q, d_model)      the queries are made from these tokens
    x_kv           (..., T_k, d_model)      keys and values from these: x_q again for self-attention
    W_q, W_k, W_v  (d_model, H·d_head)      applied from the right: q = x_q W_q
    W_o            (H·d_head, d_out)        mixes the heads
    num_heads      int H                    must divide the width of the projections
    mask           (..., T_q, T_k)          boolean, True where a query may attend; broadcasts; the same for every head
    return         (..., T_q, d_out)

    Law: one head is plain attention followed by W_o; permuting the heads in all four matrices changes nothing.
    Source: Vaswani et al. 2017, section 3.2.2.
    """
    q = split_heads(x_q @ W_q, num_heads)  # (..., H, T_q, d_head)
    k = split_heads(x_kv @ W_k, num_heads)  # (..., H, T_k, d_head)
    v = split_heads(x_kv @ W_v, num_heads)  # (..., H, T_k, d_head)
    if mask is not None and mask.ndim > 2:
        mask = mask[..., None, :, :]  # (..., 1, T_q, T_k): one mask for all heads
    heads = scaled_dot_product_attention(q, k, v, mask)  # (..., H, T_q, d_head)
    return merge_heads(heads) @ W_o


@shapes(heads="... H T d_head", W_o="d_all d_out")
def head_contributions(heads, W_o):
    """Write "concatenate, then project" as a sum over heads: what each head alone adds to the output.

    heads   (..., H, T, d_head)       the heads' outputs before they are merged
    W_o     (H·d_head, d_out)         rows h·d_head … (h+1)·d_head - 1 belong to head h
    return  (..., H, T, d_out)        its sum over the head axis equals merge_heads(heads) @ W_o

    Law: switching one head off (zeros) removes its term and leaves the other terms as they were.
    Source: Elhage et al. 2021, A Mathematical Framework for Transformer Circuits, "Attention heads are independent
    and additive".
    """
    H, _, d_head = heads.shape[-3:]
    if W_o.shape[0] != H * d_head:
        raise ShapeError(f"head_contributions: {H} heads of width {d_head} need {H * d_head} rows, W_o has {len(W_o)}")
    return heads @ W_o.reshape(H, d_head, -1)
