"""Parameters, operations and bytes of a layer: whole numbers, in plain Python. They belong to no array library."""


def multi_head_parameters(d_model, num_heads, d_head=None, bias=False):
    """Count the trainable numbers of one multi-head attention layer.

    d_model    int    width of the tokens, in and out
    num_heads  int    H
    d_head     int    width of one head; None means d_model / H, which must then be whole (else ValueError)
    bias       bool   one bias vector for each of the four projections
    return     int    the entries of W_q, W_k, W_v (d_model, H·d_head) and W_o (H·d_head, d_model), and the biases

    Law: with d_head = d_model / H the count does not depend on H: 4·d_model² without biases.
    Source: Vaswani et al. 2017, section 3.2.2.
    """
    if d_head is None:
        if num_heads < 1 or d_model % num_heads != 0:
            raise ValueError(f"multi_head_parameters: d_model {d_model} does not divide into {num_heads} heads")
        d_head = d_model // num_heads
    d_all = num_heads * d_head
    biases = 3 * d_all + d_model if bias else 0
    return 4 * d_model * d_all + biases


def multi_head_flops(T_q, T_k, d_model, num_heads):
    """Count the floating-point operations of the matrix products in one forward pass, for one sequence.

    T_q, T_k   int    numbers of queries and keys
    d_model    int    width of the tokens; d_head = d_model / H must be whole (else ValueError)
    num_heads  int    H
    return     dict   {"projections": int, "scores": int, "mixing": int}; a multiply-add counts as two operations

    projections: x W_q and W_o for the queries, x W_k and x W_v for the keys; scores: q kᵀ; mixing: weights times v.
    Softmax, scaling, masks and biases are left out. Law: none of the three depends on the number of heads.
    Source: Vaswani et al. 2017, section 3.2.2 ("the total computational cost is similar to that of single-head
    attention with full dimensionality") and table 1.
    """
    if num_heads < 1 or d_model % num_heads != 0:
        raise ValueError(f"multi_head_flops: d_model {d_model} does not divide into {num_heads} heads")
    d_head = d_model // num_heads
    pair_products = num_heads * 2 * T_q * T_k * d_head
    projections = 2 * 2 * (T_q + T_k) * d_model * d_model
    return {"projections": projections, "scores": pair_products, "mixing": pair_products}
