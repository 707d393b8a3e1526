"""Parameters and operations of a whole decoder-only Transformer: whole numbers, in plain Python."""


def transformer_parameters(num_layers, d_model, d_ff, n_vocab, n_positions):
    """Count the trainable numbers of a decoder-only model with biases everywhere, learnt positions and tied embeddings.

    num_layers   int    at least 1
    d_model      int    at least 1
    d_ff         int    at least 1; hidden width of the feed-forward network
    n_vocab      int    at least 1; the token embeddings also score the output: counted once
    n_positions  int    at least 1; else ValueError
    return       dict   {"embeddings": int, "attention": int, "feed_forward": int, "norms": int}

    Attention: four (d_model, d_model) matrices and four biases a layer. Norms: gain and bias, two a layer and one at
    the end. Law: with 12, 768, 3072, 50257, 1024 the four add up to GPT-2 small's 124 439 808.
    Source: Radford et al. 2019, section 2.3 and table 2 (layers and widths; its 117M for this model is too low).
    """
    if min({num_layers, d_model, d_ff, n_vocab, n_positions}) < 1:
        raise ValueError("transformer_parameters: every size must be at least 1")
    return {
        "embeddings": (n_vocab + n_positions) * d_model,
        "attention": num_layers * 4 * (d_model + 1) * d_model,
        "feed_forward": num_layers * (2 * d_model * d_ff + d_ff + d_model),
        "norms": (2 * num_layers + 1) * 2 * d_model,
    }


def transformer_flops(T, num_layers, d_model, d_ff, n_vocab):
    """Count the floating-point operations of the matrix products in one forward pass over T tokens.

    T           int    at least 1
    num_layers  int    at least 1
    d_model     int    at least 1
    d_ff        int    at least 1
    n_vocab     int    at least 1; else ValueError
    return      dict   {"projections": int, "pairs": int, "feed_forward": int, "logits": int}

    projections: W_q, W_k, W_v and W_o; pairs: q kᵀ and weights times v, all T² of them; logits: the output scores.
    A multiply-add counts as two. Law: pairs is the only one that grows with T²; it passes the projections at
    T = 2·d_model, and a feed-forward network of d_ff = 4·d_model at T = 4·d_model.
    Source: Hoffmann et al. 2022, appendix F (which also counts the softmax and the embedding).
    """
    if min({T, num_layers, d_model, d_ff, n_vocab}) < 1:
        raise ValueError("transformer_flops: every size must be at least 1")
    return {
        "projections": num_layers * 8 * T * d_model**2,
        "pairs": num_layers * 4 * T**2 * d_model,
        "feed_forward": num_layers * 4 * T * d_model * d_ff,
        "logits": 2 * T * d_model * n_vocab,
    }
