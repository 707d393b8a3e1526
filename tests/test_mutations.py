"""Breaking any line of a reference turns the suite red: each small change is convicted by a law or by the contract."""

import importlib
import inspect
import types

import contracts
import pytest
from mutation import mutants

from headstart.graders import exercises
from headstart.graders.kit import Draw
from headstart.judge.candidate import local

COURSE = exercises()
FILES = sorted({exercise.home for exercise in COURSE.values()})

# Changes that change nothing, in one wing at least, each with its reason; no other change may stand here.
EQUIVALENT = {
    ("softmax", "`0.0` → `1.0`"): "any finite shift serves for a row of nothing but -inf: all its terms are exp(-inf)",
    ("softmax", "`0.0` → `-1.0`"): "as above",
    ("softmax", "`1.0` → `2.0`"): "a row of zeros may be divided by any number but zero",
    ("softmax", "`x.detach()` → `x`"): "the gradient through the maximum cancels; detaching it only saves work",
    ("attention_weights", "`q` → `k`"): "only in √d_head, which the contract makes the same for q and k",
    ("additive_attention", "`(..., :, None, :)` → `(:, ..., None, :)`"): "one index written in two ways",
    ("head_contributions", "`1` → `2`"): "only in reshape's -1: NumPy infers the axis for any negative length",
    ("linear_backward", "`x` → `dout`"): "only in the number of leading axes, which x and dout share",
    ("attention_backward", "`q` → `k`"): "only in √d_head, as in attention_weights",
    ("attention_backward_from_output", "`q` → `k`"): "as above",
    ("attention_backward_from_output", "`0.0` → `1.0`"): "any finite lse serves for a row of nothing but -inf",
    ("attention_backward_from_output", "`0.0` → `-1.0`"): "as above",
    ("log_sum_exp", "`0.0` → `1.0`"): "any finite shift serves for a row of nothing but -inf, as in softmax",
    ("log_sum_exp", "`0.0` → `-1.0`"): "as above",
    ("log_sum_exp", "`total == 0.0` → `False`"): "NumPy's log(0) is -inf too; it only warns",
    ("log_sum_exp", "`1.0` → `2.0`"): "what is filled in before the log is filled over after it",
    ("log_sum_exp", "`1.0` → `0.0`"): "as above",
    ("log_sum_exp", "`x.detach()` → `x`"): "the gradient through the maximum cancels; detaching it only saves work",
    ("online_softmax", "`0.0` → `1.0`"): "any finite shift serves where nothing was allowed yet",
    ("online_softmax", "`0.0` → `-1.0`"): "as above",
    ("online_softmax", "`np.maximum(top, scores.max(axis=-1))` → `np.maximum(scores.max(axis=-1), top)`"): "symmetric",
    ("online_softmax", "`torch.maximum(top, scores.amax(dim=-1))` → `torch.maximum(scores.amax(dim=-1), top)`"): "too",
    ("attention_entropy", "`1.0` → `2.0`"): "0 · log of any positive number is 0",
    ("causal_mask", "`min(T_q, T_k)` → `min(T_k, T_q)`"): "symmetric",
    ("document_mask", "`(..., :, None)` → `(:, ..., None)`"): "one index written in two ways",
    ("safe_attention_weights", "`q` → `k`"): "only in the type of the result, which q and k share",
    ("multi_head_attention", "`mask.ndim > 2` → `mask.ndim >= 2`"): "one mask for all broadcasts with a head axis too",
    ("multi_head_attention", "`2` → `1`"): "as above",
}
EQUIVALENT[("pick_token", "`np.cumsum(probabilities, dtype=np.float64)` → `np.cumsum(probabilities)`")] = (
    "only for float32 probabilities and a uniform number that float32 rounds to 1: tests/test_generation.py"
)
full = "(tokens - (num_layers - num_global) * window) // num_global"
EQUIVALENT["longest_context", f"`max(open_windows, {full})` → `max({full}, open_windows)`"] = "symmetric"
LOADED = "`((self.W_q, W_q), (self.W_k, W_k), (self.W_v, W_v), (self.W_o, W_o))` → "
EQUIVALENT |= {
    ("MultiHeadAttention", LOADED + pairs): "the order in which the four weights are copied does not matter"
    for pairs in (
        "`((self.W_k, W_k), (self.W_q, W_q), (self.W_v, W_v), (self.W_o, W_o))`",
        "`((self.W_q, W_q), (self.W_v, W_v), (self.W_k, W_k), (self.W_o, W_o))`",
        "`((self.W_q, W_q), (self.W_k, W_k), (self.W_o, W_o), (self.W_v, W_v))`",
    )
}

SAME_DEVICE = "only the device of a new tensor, which is the CPU here"
EQUIVALENT |= {
    ("feed_forward", "`np.maximum(x @ W_1 + b_1, 0.0)` → `np.maximum(0.0, x @ W_1 + b_1)`"): "maximum is symmetric",
    ("cross_attention", "`k` → `v`"): "only in the number of heads, which the contract makes the same for k and v",
    ("cross_attention", "`mask.ndim > 2` → `mask.ndim >= 2`"): "as for multi_head_attention",
    ("cross_attention", "`2` → `1`"): "as for multi_head_attention",
    ("decoder_block", "`k` → `v`"): "only in the number of heads, which the contract makes the same for k and v",
    ("decoder_block", "`x` → `k`"): SAME_DEVICE,
    ("decoder_block", "`x` → `v`"): SAME_DEVICE,
    ("embed", "`torch.arange(tokens.shape[-1], device=tokens.device)` → `torch.arange(tokens.shape[-1])`"): SAME_DEVICE,
    ("decode", "`zip(weights['decoder'], sources, strict=True)` → `zip(weights['decoder'], sources)`"): "made alike",
    ("decode", "`True` → `False`"): "there are as many blocks as sources: one was made from the other",
}
EQUIVALENT |= {
    ("sinusoidal_positions", "`2` → `1`"): "only in the refusal: 1 is odd and refused for that",
    ("rotary_frequencies", "`2` → `1`"): "as above",
    ("relative_position_buckets", "`4` → `3`"): "as above, with 3",
    ("relative_position_buckets", "`distance.clip(min=exact)` → `distance`"): "it only keeps log(0) quiet",
    ("relative_position_buckets", "`distance.clip(min=exact)` → `distance.clip()`"): "as above",
    ("relative_position_buckets", "`distance < exact` → `distance <= exact`"): "both rules give bucket e at distance e",
    (
        "alibi_bias",
        "`np.arange(T_k) - np.arange(T_k - T_q, T_k)[:, None]` → `np.arange(T_k - T_q, T_k)[:, None] - np.arange(T_k)`",
    ): "a distance has no sign",
    (
        "to_half_split",
        "`W.reshape(d_model, num_heads, -1, 2)` → `W.reshape(num_heads, d_model, -1, 2)`",
    ): "the first two axes only count the pieces that are turned over",
    ("to_half_split", "`1` → `2`"): "only in reshape's -1: NumPy infers the axis for any negative length",
    ("rotary_attention", "`k` → `v`"): "only in T_k, which k and v share",
    ("rotary_attention", "`q` → `k`"): "only in d_head, which q and k share",
}
ON_AN_ACCELERATOR = "only the device of a constant changes"
EQUIVALENT |= {
    (name, f"`{head}, device={array}.device)` → `{head})`"): ON_AN_ACCELERATOR
    for name, head, array in (
        ("rotate", "torch.arange(offset, offset + x.shape[-2]", "x"),
        ("rotate_interleaved", "torch.arange(offset, offset + x.shape[-2]", "x"),
        ("rotary_attention", "torch.ones(T_q, T_k, dtype=torch.bool", "q"),
        ("padding_mask", "torch.arange(T", "lengths"),
    )
}
EQUIVALENT |= {
    ("rotate", "`x` → `frequencies`"): ON_AN_ACCELERATOR,
    ("rotate_interleaved", "`x` → `frequencies`"): ON_AN_ACCELERATOR,
    ("rotary_attention", "`q` → `v`"): ON_AN_ACCELERATOR,
    ("rotary_attention", "`q` → `frequencies`"): ON_AN_ACCELERATOR,
}
SYMMETRIC = "the larger or the smaller of two numbers, in either order"
EQUIVALENT |= {
    ("clip_by_global_norm", "`max(norm, max_norm)` → `max(max_norm, norm)`"): SYMMETRIC,
    (
        "clip_by_global_norm",
        "`torch.promote_types(g.dtype, torch.float32)` → `torch.promote_types(torch.float32, g.dtype)`",
    ): SYMMETRIC,
    ("pack_documents", "`document_ids.to(lengths.device)` → `document_ids`"): ON_AN_ACCELERATOR,
    ("pack_documents", "`positions.to(lengths.device)` → `positions`"): ON_AN_ACCELERATOR,
    (
        "inverse_root_rate",
        "`min(step ** (-0.5), step * warmup ** (-1.5))` → `min(step * warmup ** (-1.5), step ** (-0.5))`",
    ): SYMMETRIC,
    ("cosine_rate", "`step <= warmup` → `step < warmup`"): "at the end of the warm-up the cosine begins at the peak",
    (
        "cosine_rate",
        "`min(1.0, (step - warmup) / (total - warmup))` → `min((step - warmup) / (total - warmup), 1.0)`",
    ): SYMMETRIC,
}

LENGTH = "only in T, which the contract makes the same for q, k and v"
EQUIVALENT |= {
    ("grouped_query_attention", "`k` → `v`"): "only in G, which the contract makes the same for k and v",
    ("windowed_cache_bytes", "`min(T, window)` → `min(window, T)`"): "symmetric",
    ("latent_attention", "`k_rope` → `q_rope`"): "only in d_rope, which the contract makes the same for both",
    ("sliding_window_mask", "`min(T_q, T_k, window)` → `min(T_k, T_q, window)`"): "symmetric",
    ("sliding_window_mask", "`min(T_q, T_k, window)` → `min(T_q, window, T_k)`"): "symmetric",
    ("sink_attention", "`q` → `k`"): "only in √d_head, which the contract makes the same for q and k",
    ("feature_map", "`np.maximum(x, 0.0)` → `np.maximum(0.0, x)`"): "symmetric",
    ("feature_map", "`np.minimum(x, 0.0)` → `np.minimum(0.0, x)`"): "symmetric",
    ("linear_attention", "`q` → `k`"): LENGTH,
    ("linear_attention", "`q` → `v`"): LENGTH,
    ("linear_attention", "`(..., t, None, :)` → `(..., None, t, :)`"): "one index written in two ways",
    ("linear_attention", "`0` → `-1`"): "the only row of one row",
    ("chunked_linear_attention", "`v` → `q`"): "only in the shape of a column of ones",
    ("chunked_linear_attention", "`v` → `k`"): "as above",
    ("chunked_linear_attention", "`k` → `q`"): "only in the shape of a state of zeros",
    ("chunked_linear_attention", "`q` → `k`"): LENGTH,
    ("chunked_linear_attention", "`q` → `v`"): LENGTH,
    ("gated_delta_rule", "`q` → `k`"): LENGTH,
    ("gated_delta_rule", "`q` → `v`"): LENGTH,
    ("gated_delta_rule", "`(..., t, None, None)` → `(..., None, t, None)`"): "one index written in two ways",
    ("gated_delta_rule", "`(..., t, None, :)` → `(..., None, t, :)`"): "one index written in two ways",
    ("gated_delta_rule", "`key.mT @ error` → `key.mT * error`"): "a column times a row, either way",
    ("block_selection_mask", "`min(block_size, top_k)` → `min(top_k, block_size)`"): "symmetric",
    ("block_selection_mask", "`q` → `k`"): "only in T, which the contract makes the same for q and k",
}
EQUIVALENT |= {  # chapter 09
    ("attention_flops", "`min(T_q, T_k)` → `min(T_k, T_q)`"): "symmetric",
    ("attainable_flops", "`min(peak_flops, intensity * bandwidth)` → `min(intensity * bandwidth, peak_flops)`"): "too",
    ("decode_tokens_per_second", "`max(loading, computing)` → `max(computing, loading)`"): "symmetric",
    ("quantise", "`step == 0.0` → `False`"): "0 / 0 is NaN, which NumPy turns into the code 0 with a warning",
    ("quantise", "`0.0` → `1.0`"): "as above; and a step of 1 is replaced by 1",
    ("quantise", "`0.0` → `-1.0`"): "0 / 0 is NaN, which NumPy turns into the code 0 with a warning",
    ("quantise", "`1.0` → `2.0`"): "0 divided by any number but zero is the code 0",
    ("quantise", "`1.0` → `0.0`"): "0 / 0 is NaN, which NumPy turns into the code 0 with a warning",
    ("quantised_attention", "`q` → `k_codes`"): "only in d_head, which q and the keys share",
    ("quantised_attention", "`q` → `k_step`"): "as above",
    ("head_importance", "`(-2, -1)` → `(-1, -2)`"): "a sum over two axes",
    ("head_importance", "`-2` → `2`"): "the same axis of four",
    ("prune_heads", "`W_q` → `W_k`"): "only in the width of the projections, which all three share",
    ("prune_heads", "`W_q` → `W_v`"): "as above",
    ("tile_scores", "`q` → `k`"): "only in d_head, or the device, which q and k share",
    (
        "tile_scores",
        "`np.tri(*scores.shape[-2:], diagonal, dtype=bool)` → `np.tri(*scores.shape[-2:], diagonal)`",
    ): "any number but zero is true",
    ("tile_scores", "`scores.shape[-2:]` → `scores.shape`"): "a mask for every leading index instead of one for all",
    ("tile_scores", "`2` → `3`"): "as above",
    (
        "tile_scores",
        "`torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device)` → "
        "`torch.ones(scores.shape[-2:], dtype=torch.bool)`",
    ): SAME_DEVICE,
    ("tiled_attention", "`(T_q, T_k, outs, lses)` → `(T_q, T_k, lses, outs)`"): "two empty lists",
    ("tiled_attention", "`1.0` → `2.0`"): "zeros divided by any number, and -inf plus its logarithm",
    ("tiled_attention_backward", "`q` → `dout`"): "only in T_q, which the two share",
    ("tiled_attention_backward", "`q` → `out`"): "as above",
    ("tiled_attention_backward", "`0.0` → `1.0`"): "any finite lse serves for a row of nothing but -inf",
    ("tiled_attention_backward", "`0.0` → `-1.0`"): "as above",
}
EQUIVALENT |= {
    (name, f"`64` → `{n}`"): "no answer depends on the size of the blocks"
    for name in ("tiled_attention", "tiled_attention_backward")
    for n in (63, 65)
}
EQUIVALENT |= {
    (name, f"`{one}` → `{other}`"): "only in a length, a width, a type or a device that the two share"
    for name, swaps in (("tiled_attention", ("qk", "qv", "kv", "vq", "vk")), ("tiled_attention_backward", ("kv", "qk")))
    for one, other in swaps
}

ONLY_SHAPES = "only in a shape or a size that the contract makes the same"
NEVER_READ = "what stands in the place of -inf is never read, any finite number serves"
EQUIVALENT |= {
    ("attention_with_lse", "`q` → `k`"): "only in √d_head, which the contract makes the same for q and k",
    ("attention_with_lse", "`0.0` → `1.0`"): NEVER_READ,
    ("attention_with_lse", "`0.0` → `-1.0`"): NEVER_READ,
    ("merge_attention", "`np.maximum(lse_a, lse_b)` → `np.maximum(lse_b, lse_a)`"): "symmetric",
    ("merge_attention", "`torch.maximum(lse_a, lse_b)` → `torch.maximum(lse_b, lse_a)`"): "symmetric",
    ("merge_attention", "`torch.maximum(lse_a, lse_b).detach()` → `torch.maximum(lse_a, lse_b)`"): "saves work only",
    ("merge_attention", "`0.0` → `1.0`"): NEVER_READ,
    ("merge_attention", "`0.0` → `-1.0`"): NEVER_READ,
    ("merge_attention", "`1.0` → `2.0`"): "zero may be divided by any number but zero",
    ("ring_attention", "`np.zeros_like(v)` → `v`"): "the first output is merged with a weight of zero",
    ("ring_attention", "`torch.zeros_like(v)` → `v`"): "the first output is merged with a weight of zero",
    ("ring_attention", "`0` → `-1`"): "any feature serves to give lse its shape",
    ("ring_attention", "`q` → `k`"): ONLY_SHAPES,
    ("ring_attention", "`q` → `v`"): ONLY_SHAPES,
    **{("ring_attention_backward", f"`q` → `{other}`"): ONLY_SHAPES for other in ("dout", "k", "v", "out")},
    ("shard_layer", "`W_k` → `W_v`"): ONLY_SHAPES,
    ("shard_layer", "`G < 1` → `False`"): "no key and value heads: dividing by them is refused too",
    ("shard_layer", "`1` → `0`"): "as above",
    ("zigzag_positions", "`T < 1` → `T <= 1`"): "one token is no multiple of 2·num_ranks and refused for that",
    ("zigzag_positions", "`1` → `2`"): "as above",
}
EQUIVALENT |= {  # chapter 12
    (
        "shift_scores",
        "`pixels - pixels[:, None] - shifts[:, None, None]` → `shifts[:, None, None] - (pixels - pixels[:, None])`",
    ): "squared",
    (
        "receptive_field",
        "`ValueError('receptive_field: every kernel, stride and dilation must be 1 or more')` → "
        "`'receptive_field: every kernel, stride and dilation must be 1 or more'`",
    ): "raising a sentence is refused by Python",
    ("receptive_field", "`layers.tolist()` → `layers`"): "NumPy's whole numbers instead of Python's",
}
SAID_BETTER = "the reshape below refuses it too, in other words"
EQUIVALENT |= {
    (name, change): SAID_BETTER
    for name, n, what in (("sequence_to_heads", "H", "heads"), ("heads_to_sequence", "T", "tokens"))
    for said in [f"f'{name}: {{{n}}} {what} do not divide into {{R}} ranks'"]
    for change in (
        f"without `if {n} % R != 0:`",
        f"`{n} % R != 0` → `False`",
        f"without `raise ShapeError({said})`",
        f"`ShapeError({said})` → `{said}`",
    )
}
REFUSED_IN_A_SENTENCE = "without the sentence NumPy or PyTorch raises; tests/test_generation.py asks for the sentence"
ROWS = "f'cached_attention: {T} rows from row {length} on do not fit into a cache of {T_max} rows'"
EQUIVALENT |= {
    (name, change): REFUSED_IN_A_SENTENCE
    for name, error, words in (
        ("cached_attention", "ShapeError", ROWS),
        (
            "gather_blocks",
            "ShapeError",
            "f'gather_blocks: {len(block_table)} blocks of {block_size} rows do not hold {length}'",
        ),
        (
            "append_paged",
            "ShapeError",
            "f'append_paged: {len(block_table)} blocks of {block_size} rows do not fit length {length}'",
        ),
        ("take_free", "ValueError", "'append_paged: no block is free'"),
        ("min_p_probabilities", "ValueError", "f'min_p_probabilities: min_p must lie between 0 and 1, got {min_p}'"),
        ("accept_drafts", "ShapeError", "f'accept_drafts: {len(q)} drafts need {len(q) + 1} rows of p, got {len(p)}'"),
        (
            "tree_mask",
            "ValueError",
            "f'tree_mask: the parent of token {i} must be an earlier token or -1, got {parent}'",
        ),
    )
    for change in (f"`{error}({words})` → `{words}`",)
}
EQUIVALENT |= {
    (name, change): REFUSED_IN_A_SENTENCE
    for name, changes in (
        (
            "cached_attention",
            (
                "without `if length < 0 or end > T_max:`",
                "`length < 0 or end > T_max` → `length < 0 and end > T_max`",
                "`length < 0 or end > T_max` → `length < 0`",
                "`length < 0 or end > T_max` → `end > T_max`",
                "`length < 0` → `False`",
                "`0` → `-1`",
                "`end > T_max` → `False`",
                f"without `raise ShapeError({ROWS})`",
            ),
        ),
        (
            "take_free",
            (
                "without `if len(free) == 0:`",
                "`len(free) == 0` → `False`",
                "`0` → `-1`",
                "without `raise ValueError('append_paged: no block is free')`",
            ),
        ),
    )
    for change in changes
}
EQUIVALENT |= {
    ("cached_attention", "`keys` → `values`"): "only in T_max, which both share",
    ("rotary_cached_attention", "`q` → `k`"): "only in d_head, which both share",
    ("rotary_cached_attention", "`q` → `keys`"): "as above",
    ("gather_blocks", "`1` → `2`"): "only in reshape's -1: NumPy infers the axis for any negative length",
    ("reusable_prefix", "`min(len(cached), len(tokens) - 1)` → `min(len(tokens) - 1, len(cached))`"): "symmetric",
    ("reusable_prefix", "`int(same)` → `same`"): "a NumPy integer is a whole number too",
    (
        "pick_token",
        "`int(np.searchsorted(edges, uniform * edges[-1], side='right'))` → "
        "`np.searchsorted(edges, uniform * edges[-1], side='right')`",
    ): "as above",
    ("residual", "`np.maximum(p - q, 0.0)` → `np.maximum(0.0, p - q)`"): "symmetric",
    ("residual", "without `with np.errstate(invalid='ignore'):`"): "it only keeps 0 / 0 quiet",
    ("residual", "`np.errstate(invalid='ignore')` → `np.errstate()`"): "as above",
    ("residual", "`p` → `q`"): "where nothing is lacking p and q are equal",
    ("accept_drafts", "`q` → `drafted`"): "only in the number of drafts, which they share",
    ("accept_drafts", "`q` → `uniforms`"): "as above",
    (
        "top_k_probabilities",
        "`(..., -min(top_k, scores.shape[-1]), None)` → `(..., None, -min(top_k, scores.shape[-1]))`",
    ): "one index written in two ways",
    ("top_k_probabilities", "`min(top_k, scores.shape[-1])` → `min(scores.shape[-1], top_k)`"): "symmetric",
    (
        "top_p_probabilities",
        "`np.take_along_axis(p, order, axis=-1)` → `np.take_along_axis(p, order)`",
    ): "the last axis is the default of newer NumPy",
    (
        "top_p_probabilities",
        "`np.take_along_axis(before < top_p, order.argsort(), axis=-1)` → "
        "`np.take_along_axis(before < top_p, order.argsort())`",
    ): "as above",
    (
        "assistant_loss_mask",
        "`np.take_along_axis(tokens, last, axis=-1)` → `np.take_along_axis(tokens, last)`",
    ): "as above",
    (
        "cached_attention",
        "`torch.ones(T, end, dtype=torch.bool, device=q.device)` → `torch.ones(T, end, dtype=torch.bool)`",
    ): ON_AN_ACCELERATOR,
} | {("cached_attention", f"`q` → `{other}`"): ON_AN_ACCELERATOR for other in ("k", "v", "keys", "values")}
EQUIVALENT |= {  # chapter 18
    ("decision_loss", "`actions` → `real`"): ONLY_SHAPES,
    ("generalised_advantages", "`rewards` → `ends`"): ONLY_SHAPES,
    (
        "decision_loss",
        "`np.take_along_axis(scores, actions[..., None], axis=-1)` → `np.take_along_axis(scores, actions[..., None])`",
    ): "the last axis is the default of newer NumPy",
} | {
    (name, f"`ShapeError({words})` → `{words}`"): "raising a text raises too, without the sentence"
    for name, words in (
        (
            "decision_loss",
            "f'decision_loss: {actions.shape[-1]} steps make three rows each, got {logits.shape[-2]} rows'",
        ),
        ("generalised_advantages", "f'generalised_advantages: {T} steps need {T + 1} values, got {values.shape[-1]}'"),
    )
}

EQUIVALENT[("masked_mean", "`x` → `real`")] = "only in the type of the count, which test_agreement.py asks for"
EQUIVALENT[("best_span", "`(*lead, _, T)` → `(*lead, T, _)`")] = "two axes of the same length"

NOT_THERE = "what is filled in for a missing modality has no weight: any finite number serves"
EQUIVALENT |= {("fuse_modalities", f"`0.0` → `{n}`"): NOT_THERE for n in (1.0, -1.0)}  # chapter 16
FEW_KEYS = "f'counterfactual_weights: {T_k} keys of width {d_head} may leave no choice, shape {v.shape}'"
EQUIVALENT |= {  # chapter 19
    ("induction_score", "`1` → `2`"): "as many places have a twin after them as have one before them",
    (
        "counterfactual_weights",
        f"`ShapeError({FEW_KEYS})` → `{FEW_KEYS}`",
    ): "refused by Python then; tests/test_limits.py asks for the sentence",
}


SENTENCES = {  # chapter 14: without the sentence NumPy raises; tests/test_vision.py asks for the sentence
    "unpatchify": "ShapeError(f'unpatchify: {rows} times {columns} patches were expected, got {num_patches}')",
    "merge_windows": "ShapeError(f'merge_windows: {num_windows} windows of {places} tokens do not fill "
    "{height} by {width}')",
    "match_queries": "ShapeError(f'match_queries: {num_queries} queries are too few for {num_targets} targets')",
    "shifted_window_mask": "ShapeError(f'shifted_window_mask: shift must lie between 0 and window - 1, "
    "{window - 1}, got {shift}')",
}
TWO_SIDES = "two tokens are on one side of the edge, whichever side is called True"
EQUIVALENT |= {
    (name, f"`{raised}` → `{raised[11:-1]}`"): "a TypeError instead of a ShapeError: tests/test_vision.py"
    for name, raised in SENTENCES.items()
}
EQUIVALENT |= {
    ("match_queries", change): "without the sentence NumPy raises: tests/test_vision.py"
    for change in (
        "without `if num_targets > num_queries:`",
        "`num_targets > num_queries` → `False`",
        f"without `raise {SENTENCES['match_queries']}`",
    )
}
EQUIVALENT |= {  # the first axes of a reshape only count pieces, and a negative length is always inferred
    (name, f"`{array}.reshape(*lead, rows, {rest})` → `{array}.reshape(rows, *lead, {rest})`"): "only counts the pieces"
    for name, array, rest in (
        ("patchify", "images", "patch, columns, patch * channels"),
        ("unpatchify", "tokens", "columns, patch, -1"),
        ("cut_windows", "rolled", "window, columns, window * d"),
        ("merge_windows", "windows", "columns, window, -1"),
    )
}
EQUIVALENT |= {
    ("unpatchify", "`1` → `2`"): "only in reshape's -1: NumPy infers the axis for any negative length",
    ("merge_windows", "`1` → `2`"): "as above",
    ("attention_rollout", "`1` → `2`"): "only in T, which both axes share",
    ("vit_flops", "`(rows, columns)` → `(columns, rows)`"): "only their product counts",
    ("vit_flops", "`grid_of('vit_flops', height, width, patch)` → `grid_of('vit_flops', width, height, patch)`"): "too",
    ("cut_windows", "`(-3, -2)` → `(-2, -3)`"): "both axes are rolled by the same number",
    ("merge_windows", "`(-3, -2)` → `(-2, -3)`"): "as above",
    (
        "shifted_window_mask",
        "`grid_of('shifted_window_mask', height, width, window)` → "
        "`grid_of('shifted_window_mask', width, height, window)`",
    ): "asked only whether the window divides both",
    ("shifted_window_mask", "`np.arange(height) + shift >= height` → `np.arange(height) + shift < height`"): TWO_SIDES,
    ("shifted_window_mask", "`np.arange(width) + shift >= width` → `np.arange(width) + shift < width`"): TWO_SIDES,
    (
        "shifted_window_mask",
        "`np.broadcast_arrays(below[:, None], right)` → `np.broadcast_arrays(right, below[:, None])`",
    ): "both are compared, in either order",
    ("box_iou", "`(..., :, None, :)` → `(:, ..., None, :)`"): "one index written in two ways",
    ("box_iou", "`np.maximum(a[..., :2], b[..., :2])` → `np.maximum(b[..., :2], a[..., :2])`"): "symmetric",
    ("box_iou", "`np.minimum(a[..., 2:], b[..., 2:])` → `np.minimum(b[..., 2:], a[..., 2:])`"): "symmetric",
    ("box_iou", "`1` → `2`"): "what is not covered shares nothing: 0 divided by any number but zero",
    (
        "match_queries",
        "`np.array(list(itertools.permutations(range(num_queries), num_targets)), dtype=int)` → "
        "`list(itertools.permutations(range(num_queries), num_targets))`",
    ): "a tuple of whole numbers is taken for an array of them",
    ("matching_cost", "`boxes[:, None] - targets` → `targets - boxes[:, None]`"): "a distance has no sign",
}
EQUIVALENT |= {  # chapter 15
    (
        "power_spectrogram",
        "`frame > x.shape[-1]` → `False`",
    ): "NumPy refuses it too; tests/test_audio.py asks for the words",
    ("wiener_gain", "`1.0` → `2.0`"): "what stands in the place of a power of zero: the gain is not above zero for it",
    (
        "ctc_loss",
        "`ValueError(f'ctc_loss: the blank {blank} stands in the transcript')` → "
        "`f'ctc_loss: the blank {blank} stands in the transcript'`",
    ): "a string cannot be raised either; tests/test_audio.py asks for the sentence",
    (
        "relative_shift",
        "`ShapeError(f'relative_shift: {T} queries need {2 * T - 1} distances, got {scores.shape[-1]}')` → "
        "`f'relative_shift: {T} queries need {2 * T - 1} distances, got {scores.shape[-1]}'`",
    ): "as above",
    ("prefix_beam_search", "`True` → `False`"): "nothing has no last label, so it does not matter how it ended",
    ("prefix_beam_search", "`np.array(best[-1], dtype=int)` → `best[-1]`"): "a tuple of whole numbers is right, too",
    ("prefix_beam_search", "`np.array(best[-1], dtype=int)` → `np.array(best[-1])`"): "an empty array has no numbers",
}
SUM, TOTAL = "grown[longer, symbol == blank]", "totals[longer]"
EDITS = "row[j] + 1", "above[j + 1] + 1", "above[j] + (symbol != wanted)"
EQUIVALENT |= {
    (name, f"`{function}({', '.join(one)})` → `{function}({', '.join(other)})`"): "symmetric"
    for name, function, one, other in (
        ("prefix_beam_search", "np.logaddexp", (SUM, "so_far + score"), ("so_far + score", SUM)),
        ("prefix_beam_search", "np.logaddexp", (TOTAL, "so_far + score"), ("so_far + score", TOTAL)),
        ("edit_distance", "min", EDITS, (EDITS[1], EDITS[0], EDITS[2])),
        ("edit_distance", "min", EDITS, (EDITS[0], EDITS[2], EDITS[1])),
    )
}
COLUMNS = "f'reverse_complement: dna must have 4 columns (A, C, G, T), got {dna.shape[-1]}'"
NO_POSITIVE = "'average_precision: labels must hold at least one positive'"
EQUIVALENT |= {  # chapter 17
    ("hit_and_ndcg", "`scores` → `targets`"): "only in the number of queries, which both share",
    ("pair_bias_attention", "`q` → `k`"): "only in √d_head, which both share",
    ("reverse_complement", f"`ShapeError({COLUMNS})` → `{COLUMNS}`"): "tests/test_industry.py asks for the sentence",
    ("average_precision", f"`ValueError({NO_POSITIVE})` → `{NO_POSITIVE}`"): "tests/test_industry.py asks for it",
}


def changed(wing, home):
    """Yield (name, line, words, namespace) for each small change to a file of a wing that still loads."""
    module = importlib.import_module(f"headstart.{wing}.{home}")
    for name, line, words, code in mutants(inspect.getsource(module), module.__file__):
        namespace = vars(types.ModuleType(module.__name__))
        try:
            exec(code, namespace)
        except Exception:  # turned red at import, the plainest way
            continue
        yield name, line, words, namespace


def judges(name, wing, home):
    """The exercises that must notice: its own, or for a helper every exercise of the file."""
    every = [e for e in COURSE.values() if e.home == home and wing in e.wings]
    return [e for e in every if e.name == name] or every


def convicted(exercise, wing, namespace):
    """Whether a law of the exercise, or its contract, is broken."""
    answer = namespace[exercise.name]
    try:
        for law in exercise.laws:
            if wing in law.wings:
                law.holds(local(answer, wing), Draw(0, law.name))
        return bool(contracts.accepted(answer, wing)) or owns_more_than_it_needs(answer)
    except Exception:  # a broken law, an answer that raises, good input that is refused
        return True


def owns_more_than_it_needs(answer):
    """Whether a layer has other parameters than its four projections: no law sees a bias that is never used."""
    if not inspect.isclass(answer):
        return False
    return sum(p.numel() for p in answer(d_model=6, num_heads=2).parameters()) != 4 * 6 * 6


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("home", FILES)
def test_every_change_is_convicted(home):
    changes, free = set(), {}
    for wing in sorted({wing for exercise in COURSE.values() if exercise.home == home for wing in exercise.wings}):
        for name, line, words, namespace in changed(wing, home):
            changes.add((name, words))
            if not any(convicted(exercise, wing, namespace) for exercise in judges(name, wing, home)):
                free[name, words] = f"{wing}/{home}.py, line {line}"
    assert len(changes) > 10
    assert {change: place for change, place in free.items() if change not in EQUIVALENT} == {}
    assert {change for change in EQUIVALENT if change in changes} <= set(free), "convicted after all"


def test_every_exception_names_a_definition_of_the_course():
    homes = {f"headstart.{wing}.{exercise.home}" for exercise in COURSE.values() for wing in exercise.wings}
    assert {name for name, _ in EQUIVALENT} <= {name for home in homes for name in vars(importlib.import_module(home))}
