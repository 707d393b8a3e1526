"""Back through the multi-head layer: the known mistakes."""

from headstart.graders.backward.attention import back
from headstart.graders.backward.layer import layer_back, multi_head_backward


def mistaken(diagnosis, **parts):
    """Register the backward pass around one wrong part."""

    def register(function):
        def answer(*args):
            return layer_back(*args, **{parts["part"]: function})

        answer.__name__ = function.__name__
        return multi_head_backward.mutant(diagnosis)(answer)

    return register


@mistaken("layer backward without the factor 1/√d_head", part="through")
def layer_not_scaled(*args):
    return back(*args, scale=1.0)


@mistaken("layer backward with 1/√(H · d_head), the width of all heads, for 1/√d_head", part="through")
def layer_scaled_by_all_heads(dout, q, *rest):
    return back(dout, q, *rest, scale=(q.shape[-3] * q.shape[-1]) ** -0.5)


@mistaken("layer backward with the softmax Jacobian reduced to p(1 - p)", part="through")
def layer_diagonal_jacobian(*args):
    return back(*args, jacobian=lambda dp, p: dp * p * (1 - p))


@mistaken("layer backward with the row sum term of the softmax dropped", part="through")
def layer_without_row_sum(*args):
    return back(*args, jacobian=lambda dp, p: dp * p)


@mistaken("layer backward that ignores dropout", part="through")
def layer_without_dropout(dout, q, k, v, mask, kept, rate):
    return back(dout, q, k, v, mask)


@mistaken("layer backward that ignores the mask", part="through")
def layer_without_mask(dout, q, k, v, mask, kept, rate):
    return back(dout, q, k, v, None, kept, rate)


@mistaken("layer backward with heads cut by a reshape without the transpose", part="cut")
def layer_cut_by_view(dmerged, num_heads):
    *lead, T, d_all = dmerged.shape
    return dmerged.reshape(*lead, num_heads, T, d_all // num_heads)


@mistaken("layer backward with the heads' gradients joined by a reshape without the transpose", part="join")
def layer_joined_by_view(d):
    *lead, H, T, d_head = d.shape
    return d.reshape(*lead, T, H * d_head)


@mistaken("layer backward with the values' gradient left out of x_kv: keys alone", part="kv")
def keys_alone(through_k, through_v):
    return through_k


@mistaken("layer backward with the keys' gradient left out of x_kv: values alone", part="kv")
def values_alone(through_k, through_v):
    return through_v


@multi_head_backward.mutant("layer backward with bias gradients not summed over the batch")
def layer_biases_not_summed(*args):
    got = layer_back(*args)
    return got | {"b_o": args[0]}


@multi_head_backward.mutant("layer backward that forgets the biases in the forward pass that it repeats")
def layer_biases_forgotten(dout, x_q, x_kv, W_q, W_k, W_v, W_o, b_q, b_v, *rest):
    return layer_back(dout, x_q, x_kv, W_q, W_k, W_v, W_o, 0 * b_q, 0 * b_v, *rest)
