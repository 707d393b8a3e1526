"""Two kinds of input in one model: gated cross-attention, a resampler, what to do when one is missing, alignment."""

import math

import numpy as np

from headstart.contract import shapes
from headstart.in_numpy.attention import scaled_dot_product_attention
from headstart.in_numpy.multi_head import split_heads
from headstart.in_numpy.stability import log_sum_exp
from headstart.in_numpy.transformer import cross_attention


@shapes(
    x="... T_q d_model", media="... T_k d_media", mask="bool ... T_q T_k",
    W_q="d_model d_all", W_k="d_media d_all", W_v="d_media d_all", W_o="d_all d_model",
)  # fmt: skip
def gated_cross_attention(x, media, W_q, W_k, W_v, W_o, gate, num_heads, mask=None):
    """Let text tokens read from another modality, as much as a learned gate lets through: x + tanh(gate) · attention.

    x          (..., T_q, d_model)      the tokens of the language model: the queries, and the residual stream
    media      (..., T_k, d_media)      the tokens of the image or sound: keys and values; d_media may differ
    W_q        (d_model, H·d_head)      applied from the right
    W_k, W_v   (d_media, H·d_head)
    W_o        (H·d_head, d_model)
    gate       float                    any number; the layer is made with 0
    num_heads  int H                    must divide the width of the projections, else ShapeError (a ValueError)
    mask       (..., T_q, T_k)          boolean, True where a token may read; broadcasts; the same for every head
    return     (..., T_q, d_model)      a token that may read nothing comes back unchanged

    Law: with gate 0 it is the identity, so a trained language model is what it was before the layer was put in.
    Source: Alayrac et al. 2022, section 2.2.
    """
    k, v = (split_heads(media @ W, num_heads) for W in (W_k, W_v))  # (..., H, T_k, d_head)
    return x + math.tanh(gate) * cross_attention(x, k, v, W_q, W_o, mask)


@shapes(
    x="... T d_model", latents="M d_model", W_q="d_model d_head", W_k="d_model d_head", W_v="d_model d_model",
    mask="bool ... T",
)  # fmt: skip
def resample(x, latents, W_q, W_k, W_v, mask=None):
    """Turn any number of tokens into M: learned queries read them, and each other, once (one head, no norm).

    x         (..., T, d_model)   tokens of an image or a film, as many as there are
    latents   (M, d_model)        the learned queries, the same for every input
    W_q, W_k  (d_model, d_head)   applied from the right
    W_v       (d_model, d_model)
    mask      (..., T)            boolean, True where a token is real; broadcasts; None: all are
    return    (..., M, d_model)   the latents, plus what each read; keys and values are made of the tokens of x
                                  followed by the latents, which are always seen

    Law: the order of the tokens does not matter, padding leaves no trace, and the output has M rows for every T.
    Source: Alayrac et al. 2022, section 2.1 and its appendix.
    """
    lead = x.shape[:-2]
    tokens = np.concatenate([x, np.broadcast_to(latents, (*lead, *latents.shape))], axis=-2)  # (..., T + M, d_model)
    if mask is not None:
        real = np.broadcast_to(mask, x.shape[:-1])
        always = np.ones((*lead, len(latents)), dtype=bool)
        mask = np.concatenate([real, always], axis=-1)[..., None, :]  # (..., 1, T + M)
    return latents + scaled_dot_product_attention(latents @ W_q, tokens @ W_k, tokens @ W_v, mask)


@shapes(x="... N d_model", present="bool ... N", query="d_model")
def fuse_modalities(x, present, query):
    """Average the modalities that are there, weighted by a softmax over their fit with a learned query.

    x        (..., N, d_model)   one vector a modality; what stands in the place of a missing one is never read
    present  (..., N)            boolean, True where the modality is there; broadcasts
    query    (d_model,)          learned; scores are x · query / √d_model
    return   (..., d_model)      where nothing is present: zeros

    Law: a missing modality may hold any numbers, NaN and infinity included: the result is as if it were cut out.
    Source: attention pooling as in Lee et al. 2019, section 3.2, with one seed and no projections.
    """
    x = np.where(present[..., None], x, 0.0)  # NaN · 0 is NaN: it has to leave the values too
    return scaled_dot_product_attention(query[None], x, x, present[..., None, :]).squeeze(-2)


@shapes(image="B d", text="B d")
def contrastive_loss(image, text, temperature=0.07):
    """Score a batch of pairs by how well each image finds its own text among all texts, and each text its image.

    image        (B, d)   row i and text's row i are a pair; no row is zero
    text         (B, d)
    temperature  float    above 0, else ValueError; scores are cosines divided by it
    return       float    the mean of two cross-entropies: of each image over all texts, of each text over all images

    Law: only the directions of the rows count, and exchanging image and text changes nothing.
    Source: Radford et al. 2021, section 2.3 and figure 3.
    """
    if temperature <= 0:
        raise ValueError(f"contrastive_loss: temperature must be above 0, got {temperature}")
    image = image / np.linalg.norm(image, axis=1, keepdims=True)
    text = text / np.linalg.norm(text, axis=1, keepdims=True)
    scores = image @ text.T / temperature  # (B, B)
    both_ways = (log_sum_exp(scores) + log_sum_exp(scores.T)) / 2  # (B,)
    return np.mean(both_ways - np.diagonal(scores))
