"""Back through softmax: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.attention.witness import plain_softmax, slopes
from headstart.graders.kit import again, agree, exercise, expect

softmax_backward = exercise("softmax_backward", "backward", wings=("in_numpy",))


def by_jacobian(dp, p):
    """One row: sum over i of dp_i · ∂p_i/∂x_j, with ∂p_i/∂x_j = p_i ([i = j] - p_j), number by number."""
    n = len(p)
    return [sum(dp[i] * p[i] * ((i == j) - p[j]) for i in range(n)) for j in range(n)]


@softmax_backward.law
def contracts_with_the_jacobian(candidate, draw):
    """dx_j is the sum over i of dp_i · ∂p_i/∂x_j, for every shape."""
    for shape in again((5,), (3, 4), (2, 1, 6), (3, 1), (2, 4, 4), (2, 1, 3, 4)):
        dp, p = draw(*shape), plain_softmax(draw(*shape))
        want = np.zeros(shape)
        for at in np.ndindex(shape[:-1]):
            want[at] = by_jacobian(dp[at], p[at])
        agree(candidate(dp, p), want, "dx")


@softmax_backward.law
def softmax_slopes(candidate, draw):
    """It equals finite differences of softmax itself."""
    x, dp = draw(3, 5), draw(3, 5)
    agree(candidate(dp, plain_softmax(x)), slopes(plain_softmax, dp, x)[0], "dx")


@softmax_backward.law
def forbidden_scores_have_no_slope(candidate, draw):
    """Where a weight is zero the gradient is zero, and a row of zeros (nothing allowed) gets zeros."""
    x, dp = draw(4, 5), draw(4, 5)
    x[0, 2] = x[1, :4] = x[3] = -np.inf
    p = plain_softmax(x)
    got = candidate(dp, p)
    agree(got, p * (dp - (dp * p).sum(-1, keepdims=True)), "dx")
    expect(not np.any(got[p == 0]), "dx is not exactly zero where the weight is zero")


@softmax_backward.law
def a_shift_of_dp_changes_nothing(candidate, draw):
    """Adding one number to a row of dp changes nothing: the weights sum to one, so their changes sum to zero."""
    dp, p = draw(3, 4), plain_softmax(draw(3, 4))
    shifted = candidate(dp + np.array([[3.0], [-2.0], [10.0]]), p)
    agree(shifted, candidate(dp, p), "dx after a shift of dp")
    agree(np.sum(shifted, axis=-1), np.zeros(3), "the row sum of dx")


@softmax_backward.mutant("dp · p · (1 - p): only the diagonal of the Jacobian, as if softmax were a sigmoid")
def diagonal_only(dp, p):
    return dp * p * (1 - p)


@softmax_backward.mutant("p · dp: the row sum term was dropped, so a shift of all scores would change the weights")
def row_sum_dropped(dp, p):
    return p * dp


@softmax_backward.mutant("the off-diagonal terms alone: the diagonal p · dp is missing")
def off_diagonal_only(dp, p):
    return -p * (dp * p).sum(-1, keepdims=True)


@softmax_backward.mutant("p · (dp - sum(dp)): the row sum was not weighted by p")
def sum_without_weights(dp, p):
    return p * (dp - dp.sum(-1, keepdims=True))


@softmax_backward.mutant("p · (dp + row sum): the sign of the row sum term is wrong")
def row_sum_added(dp, p):
    return p * (dp + (dp * p).sum(-1, keepdims=True))


@softmax_backward.mutant("the row sum taken over the whole array instead of along the last axis")
def sum_over_everything(dp, p):
    return p * (dp - (dp * p).sum())


@softmax_backward.mutant("the row sum taken over the first axis: the queries instead of the keys")
def sum_over_the_first_axis(dp, p):
    return p * (dp - (dp * p).sum(0, keepdims=True))


@softmax_backward.mutant("dp - row sum, without the factor p in front")
def factor_forgotten(dp, p):
    return dp - (dp * p).sum(-1, keepdims=True)


@softmax_backward.style
def through_the_full_jacobian(dp, p):
    """diag(p) - p pᵀ built and multiplied."""
    jacobian = p[..., :, None] * (np.eye(p.shape[-1]) - p[..., None, :])
    return np.einsum("...i,...ij->...j", dp, jacobian)


@softmax_backward.style
def softmax_backward_in_float32(dp, p):
    """float32 throughout."""
    dp, p = dp.astype(np.float32), p.astype(np.float32)
    return p * dp - p * np.einsum("...n,...n->...", dp, p)[..., None]
