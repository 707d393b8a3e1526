"""The bugs that can be planted: small edits of the course's own answers, each of which is one of its known mistakes."""

from dataclasses import dataclass

EASY, MEDIUM, HARD = 1, 2, 3


@dataclass(frozen=True)
class Plant:
    """One bug: in the unit of `exercise`, `before` (which stands there once) becomes `after`.

    mutant   the known mistake that it amounts to; its diagnosis names the bug
    level    1 shows at once in the output, 2 needs a test, 3 needs a test that few people write
    symptom  what somebody who trains or serves the model would notice
    """

    exercise: str
    mutant: str
    before: str
    after: str
    level: int
    symptom: str


NOT_NEGATIVE = "np.maximum(x @ W_1 + b_1, 0.0)"
ATTEND = 'x = residual_step(x, attend, weights["norm_1"], norm_first)'
READ = 'x = residual_step(x, read, weights["norm_2"], norm_first)'
SCALE = "/ math.sqrt(q.shape[-1])"
MASK = "scores = np.where(mask, scores, -np.inf)"
EMPTY_ROW = "top = np.where(top == -np.inf, 0.0, top)  # a row with nothing allowed: keep -inf - (-inf) from being nan"
DROP = "        np.where(mask, scores, -np.inf)"

PLANTS = [
    Plant("softmax", "no_max_subtraction", "np.exp(x - top)", "np.exp(x)", MEDIUM,
          "Right for weeks; NaN on the day that a score passes 709 (88 in float32)."),
    Plant("softmax", "max_over_everything", "x.max(axis=axis, keepdims=True)", "x.max(keepdims=True)", HARD,
          "One sequence with huge scores in the batch, and the other sequences get zeros."),
    Plant("softmax", "largest_size_subtracted", "x.max(axis=axis, keepdims=True)",
          "np.abs(np.where(x == -np.inf, 0.0, x)).max(axis=axis, keepdims=True)", HARD,
          "Zeros for a row whose scores are all large and negative, though one of them is the largest."),
    Plant("softmax", "nan_where_nothing_is_allowed", f"    {EMPTY_ROW}\n", "", HARD,
          "NaN for the padded rows alone, until the loss or a gradient touches one of them."),
    Plant("softmax", "never_divided", "e / np.where(total == 0.0, 1.0, total)", "e", EASY,
          "Outputs that grow with the number of tokens."),
    Plant("attention_weights", "unscaled", f" {SCALE}", "", MEDIUM,
          "Trains, but slowly: at wide heads the weights start out almost one-hot."),
    Plant("attention_weights", "scaled_by_d", SCALE, "/ q.shape[-1]", MEDIUM,
          "Weights that stay almost uniform at the start."),
    Plant("attention_weights", "multiplied_by_root", SCALE, "* math.sqrt(q.shape[-1])", MEDIUM,
          "Weights that are one-hot from the first step; tiny gradients."),
    Plant("attention_weights", "scaled_by_length", SCALE, "/ math.sqrt(k.shape[-2])", HARD,
          "Right wherever T equals d_head; otherwise the sharpness depends on the sequence length."),
    Plant("attention_weights", "mask_inverted", MASK, "scores = np.where(mask, -np.inf, scores)", EASY,
          "A language model with a loss near zero in training and nonsense when it generates."),
    Plant("attention_weights", "mask_added", MASK, "scores = scores + mask", EASY,
          "A loss that is too good: every token still sees the future, a little less of it."),
    Plant("attention_weights", "mask_multiplied", MASK, "scores = scores * mask", MEDIUM,
          "A loss that is too good: a score of zero is not a blocked one."),
    Plant("attention_weights", "mask_of_tiny_size", MASK, "scores = np.where(mask, scores, -1e-9)", HARD,
          "A loss that is too good; the mask looks right when printed."),
    Plant("attention_weights", "mask_dropped", f"        {MASK}", DROP, MEDIUM,
          "A loss that is too good: the masked scores were made and thrown away."),
    Plant("attention_weights", "over_the_queries", "softmax(scores)", "softmax(scores, axis=-2)", EASY,
          "Columns that sum to one, rows that do not; with a causal mask the future leaks into the sums."),
    Plant("scaled_dot_product_attention", "keys_as_values", "mask) @ v", "mask) @ k", EASY,
          "W_v is never trained: its gradient is zero."),
    Plant("split_heads", "split_by_view_alone",
          "x.reshape(*leading, T, num_heads, d_model // num_heads).swapaxes(-3, -2)",
          "x.reshape(*leading, num_heads, T, d_model // num_heads)", MEDIUM,
          "All shapes are right and training works badly: a head sees slices of the wrong tokens."),
    Plant("split_heads", "split_interleaved",
          "x.reshape(*leading, T, num_heads, d_model // num_heads).swapaxes(-3, -2)",
          "np.moveaxis(x.reshape(*leading, T, d_model // num_heads, num_heads), -1, -3)", HARD,
          "Trains perfectly; nonsense as soon as somebody else's checkpoint is loaded."),
    Plant("merge_heads", "merge_by_view_alone", "x.swapaxes(-3, -2).reshape(", "x.reshape(", MEDIUM,
          "All shapes are right; with a causal mask a token reads results of tokens after it."),
    Plant("merge_heads", "merge_with_wrong_transpose", "x.swapaxes(-3, -2)", "x.swapaxes(-2, -1)", MEDIUM,
          "All shapes are right; features and tokens are mixed up on the way to W_o."),
    Plant("multi_head_attention", "without_output_projection", " @ W_o", "", EASY,
          "W_o is never trained, and heads cannot write into each other's features."),
    Plant("multi_head_attention", "heads_without_mask", "(q, k, v, mask)", "(q, k, v)", EASY,
          "A loss that is too good, and padding that changes the answers."),
    Plant("multi_head_attention", "head_axis_in_second_place", "mask[..., None, :, :]", "mask[:, None]", HARD,
          "Right for one batch axis; with two, the second one's masks are laid over the heads."),
    Plant("layer_norm", "variance_with_n_minus_one", "(centred**2).mean(axis=-1, keepdims=True)",
          "x.var(axis=-1, keepdims=True, ddof=1)", HARD,
          "Hidden by training; a loaded checkpoint is a little off, more so for narrow models."),
    Plant("layer_norm", "epsilon_outside_the_root", "np.sqrt(variance + eps)", "(np.sqrt(variance) + eps)", HARD,
          "Right, but for tokens that are almost constant: there the output is off by a factor."),
    Plant("layer_norm", "over_the_time_axis",
          "x.mean(axis=-1, keepdims=True)  # (..., d_model)\n    variance = (centred**2).mean(axis=-1, keepdims=True)",
          "x.mean(axis=-2, keepdims=True)  # (..., d_model)\n    variance = (centred**2).mean(axis=-2, keepdims=True)",
          MEDIUM, "The future leaks through the statistics: a loss that is too good, bad generation."),
    Plant("layer_norm", "not_centred", "x - x.mean(axis=-1, keepdims=True)", "x", HARD,
          "An RMS norm: it trains well, and a checkpoint of a layer norm gives other numbers."),
    Plant("layer_norm", "bias_before_gain", "centred / np.sqrt(variance + eps) * gain + bias",
          "(centred / np.sqrt(variance + eps) + bias) * gain", HARD,
          "Nothing at initialisation, where gain is one; wrong as soon as gains have been learnt."),
    Plant("layer_norm", "divided_by_the_variance", "np.sqrt(variance + eps)", "(variance + eps)", EASY,
          "Tokens with large features come out small: the scale of x is turned upside down."),
    Plant("feed_forward", "without_relu", NOT_NEGATIVE, "x @ W_1 + b_1", EASY,
          "Two linear maps are one: the block has lost most of its capacity, the loss stays high."),
    Plant("feed_forward", "bias_after_relu", NOT_NEGATIVE, "np.maximum(x @ W_1, 0.0) + b_1", MEDIUM,
          "Nothing at initialisation, where biases are zero; wrong with a trained checkpoint."),
    Plant("encoder_block", "one_norm_for_both", 'weights["norm_2"]', 'weights["norm_1"]', HARD,
          "Nothing at initialisation; the second norm's parameters never get a gradient."),
    Plant("encoder_block", "block_without_mask", "num_heads, mask)", "num_heads)", EASY,
          "A loss that is too good, and generation that falls apart."),
    Plant("decoder_only", "gpt_sees_the_next", "np.tri(tokens.shape[-1], dtype=bool)",
          "np.tri(tokens.shape[-1], k=1, dtype=bool)", MEDIUM,
          "A training loss near zero: every row has read the token it should predict."),
    Plant("decoder_only", "gpt_without_positions", ' + weights["positions"][places]', "", MEDIUM,
          "Word order is seen through the causal mask alone; the position table gets no gradient."),
    Plant("decoder_only", "gpt_first_block_only",
          "encoder_block(x, block,", 'encoder_block(x, weights["blocks"][0],', MEDIUM,
          "Only the first block is trained; a deeper model is no better."),
    Plant("decoder_only", "gpt_without_last_norm", 'layer_norm(x, *weights["norm"])', "x", MEDIUM,
          "Scores that grow with depth: a sharp, overconfident model from the start."),
    Plant("decoder_only", "gpt_post_norm", "num_heads, causal)", "num_heads, causal, False)", HARD,
          "May train at small depth and fail at large depth without warm-up; checkpoints do not fit."),
    Plant("cross_attention", "keys_for_values", "(q, k, v, mask)", "(q, v, k, mask)", MEDIUM,
          "All shapes are right; the source is read through the wrong projections."),
    Plant("cross_attention", "cross_without_w_o", " @ W_o", "", EASY,
          "W_o of cross-attention is never trained."),
    Plant("cross_attention", "sentence_mask_over_heads", "mask[..., None, :, :]", "mask", HARD,
          "Padding of sentence h is hidden from head h; any other batch size than H (or 1) raises an error."),
    Plant("decoder_block", "sees_the_future", "k.shape[-3], causal)", "k.shape[-3])", EASY,
          "A training loss near zero, and generation that falls apart."),
    Plant("decoder_block", "sees_the_next_token", "np.tri(x.shape[-2], dtype=bool)",
          "np.tri(x.shape[-2], k=1, dtype=bool)", MEDIUM,
          "A training loss near zero: every row has read the token it should predict."),
    Plant("decoder_block", "hides_itself", "np.tri(x.shape[-2], dtype=bool)",
          "np.tri(x.shape[-2], k=-1, dtype=bool)", HARD,
          "Almost right: a token reaches itself through the residual alone, and the first row attends to nothing."),
    Plant("decoder_block", "decoder_reads_padding", '*weights["cross"], mask)', '*weights["cross"])', MEDIUM,
          "The same sentence is translated differently in a batch with longer ones."),
    Plant("decoder_block", "reads_first", f"{ATTEND}\n    {READ}", f"{READ}\n    {ATTEND}", HARD,
          "Trains; a checkpoint of the usual order gives other numbers."),
    Plant("encoder_decoder", "memory_without_norm",
          'return layer_norm(x, *weights["encoder_norm"])', "return x", MEDIUM,
          "Keys and values that grow with the encoder's depth."),
    Plant("encoder_decoder", "one_source_projection",
          'for W in block["source"]] for block in weights["decoder"]]',
          'for W in weights["decoder"][0]["source"]] for _ in weights["decoder"]]', HARD,
          "The source projections of all decoder blocks but the first get no gradient."),
]  # fmt: skip


def fitting(program, level):
    """The plants that a program can take at a level: none harder than asked for."""
    return [plant for plant in PLANTS if plant.exercise in program.units and plant.level <= level]


def planted(program, plant):
    """The source of the plant's unit with the bug in it. Raises ValueError if it does not stand there once."""
    unit = program.units[plant.exercise]
    if unit.count(plant.before) != 1:
        raise ValueError(f"{plant.exercise} has {plant.before!r} {unit.count(plant.before)} times, not once")
    return unit.replace(plant.before, plant.after)
