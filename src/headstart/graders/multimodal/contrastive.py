"""The symmetric contrastive loss: laws, known mistakes, accepted styles."""

import math

import numpy as np

from headstart.graders.kit import agree, exercise, expect

contrastive_loss = exercise("contrastive_loss", "multimodal", wings=("in_numpy",), needs=("softmax", "log_sum_exp"))

SHAPES = ((5, 4), (2, 3), (1, 6), (7, 2))  # B, d


def cosine(a, b):
    """The cosine of two vectors, in plain Python."""
    return float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))


def pair_by_pair(image, text, temperature=0.07):
    """Minus the logarithm of the right one's probability, one row and one column at a time."""
    scores = [[cosine(a, b) / temperature for b in text] for a in image]
    total = 0.0
    for i in range(len(image)):
        for rivals in (scores[i], [row[i] for row in scores]):
            total += math.log(sum(math.exp(s - max(rivals)) for s in rivals)) + max(rivals) - scores[i][i]
    return total / (2 * len(image))


def draw_pairs(draw, B, d):
    """Vectors of unequal lengths, each text a noisy image, one of them far off."""
    image = draw(B, d) * draw.rng.uniform(0.5, 3.0, (B, 1))
    text = (image + draw(B, d)) * draw.rng.uniform(0.5, 3.0, (B, 1))
    text[-1] = draw(d)
    return image, text


@contrastive_loss.law
def each_finds_its_own(candidate, draw):
    """It is the mean of the cross-entropies of images over texts and of texts over images, at every temperature."""
    for shape in SHAPES:
        image, text = draw_pairs(draw, *shape)
        agree(candidate(image, text), pair_by_pair(image, text), "the loss", atol=1e-4)
        for temperature in (0.3, 1.0, 5.0):
            want = pair_by_pair(image, text, temperature)
            agree(candidate(image, text, temperature), want, f"the loss at temperature {temperature}")


@contrastive_loss.law
def lengths_do_not_count(candidate, draw):
    """Only directions count: stretching any image or text changes nothing."""
    image, text = draw_pairs(draw, 5, 4)
    stretched = image * np.array([[0.1], [1.0], [10.0], [3.0], [7.0]]), text * 4
    agree(candidate(*stretched, 0.5), pair_by_pair(image, text, 0.5), "the loss of stretched vectors")


@contrastive_loss.law
def both_directions_count_alike(candidate, draw):
    """Exchanging image and text changes nothing; where one direction is easy and the other is not, both are asked."""
    image, text = draw_pairs(draw, 6, 3)
    agree(candidate(text, image, 0.4), pair_by_pair(image, text, 0.4), "the loss with image and text exchanged")
    same = np.tile(text[0], (6, 1))  # every text says the same: no image can tell, and the two cross-entropies differ
    agree(candidate(image, same, 0.4), pair_by_pair(image, same, 0.4), "the loss with one text for all images")


@contrastive_loss.law
def chance_is_log_of_the_batch(candidate, draw):
    """Where all vectors are equal the loss is log B: one guess among B."""
    for B in (1, 2, 9):
        same = np.tile(draw(1, 4), (B, 1))
        agree(candidate(same, same, 0.1), math.log(B), f"the loss of {B} equal pairs")


@contrastive_loss.law
def small_temperatures_do_not_overflow(candidate, draw):
    """At temperature 0.001 the scores are in the hundreds and the loss is still a number."""
    image, text = draw_pairs(draw, 6, 4)
    for a, b in ((image, text), (image, image), (image, -image)):
        want = pair_by_pair(a, b, 1e-3)
        agree(candidate(a, b, 1e-3), want, "the loss at temperature 0.001", rtol=1e-3, atol=1e-2)


@contrastive_loss.law
def refuses_a_temperature_of_nothing(candidate, draw):
    """A temperature of zero or below is refused by an exception."""
    for temperature in (0.0, -1.0):
        refused = candidate.refuses(*draw_pairs(draw, 3, 4), temperature)
        expect(refused, f"it took a temperature of {temperature}, it should raise ValueError")


def unit(x):
    """Rows of length one."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def cross_entropies(scores, axis):
    """Minus the logarithm of the diagonal's share, along rows or columns."""
    top = scores.max(axis=axis)
    return np.log(np.exp(scores - np.expand_dims(top, axis)).sum(axis=axis)) + top - np.diagonal(scores)


def both_ways(scores):
    """The mean of the two cross-entropies."""
    return float((cross_entropies(scores, 0) + cross_entropies(scores, 1)).mean() / 2)


@contrastive_loss.mutant("a contrastive loss of dot products: the vectors were not brought to length one")
def not_normalised(image, text, temperature=0.07):
    return both_ways(image @ text.T / temperature)


@contrastive_loss.mutant("a contrastive loss with the scores multiplied by the temperature instead of divided")
def times_temperature(image, text, temperature=0.07):
    return both_ways(unit(image) @ unit(text).T * temperature)


@contrastive_loss.mutant("the cross-entropy of each image over the texts alone: one direction of two")
def images_alone(image, text, temperature=0.07):
    return float(cross_entropies(unit(image) @ unit(text).T / temperature, 1).mean())


@contrastive_loss.mutant("the cross-entropy of each text over the images alone: one direction of two")
def texts_alone(image, text, temperature=0.07):
    return float(cross_entropies(unit(image) @ unit(text).T / temperature, 0).mean())


@contrastive_loss.mutant("the sum of the two cross-entropies instead of their mean")
def both_summed(image, text, temperature=0.07):
    return 2 * both_ways(unit(image) @ unit(text).T / temperature)


@contrastive_loss.mutant("a contrastive loss summed over the batch instead of averaged")
def batch_summed(image, text, temperature=0.07):
    return len(image) * both_ways(unit(image) @ unit(text).T / temperature)


@contrastive_loss.mutant("a contrastive loss without a temperature")
def no_temperature(image, text, temperature=0.07):
    return both_ways(unit(image) @ unit(text).T)


@contrastive_loss.mutant("a loss in which the right pair is not among its own rivals")
def rivals_without_the_pair(image, text, temperature=0.07):
    scores = unit(image) @ unit(text).T / temperature
    others = np.where(np.eye(len(scores), dtype=bool), -np.inf, scores)
    sums = [np.log(np.exp(others).sum(axis=axis)) for axis in (0, 1)]
    return float((sums[0] + sums[1]).mean() / 2 - np.diagonal(scores).mean())


@contrastive_loss.mutant("a softmax without subtracting the maximum: it overflows at small temperatures")
def overflowing(image, text, temperature=0.07):
    e = np.exp(unit(image) @ unit(text).T / temperature)
    right = np.diagonal(e)
    return float(-np.mean(np.log(right / e.sum(axis=0)) + np.log(right / e.sum(axis=1))) / 2)


@contrastive_loss.style
def by_log_softmax(image, text, temperature=0.07):
    """Log-probabilities of rows and of columns, and their diagonals."""
    if temperature <= 0:
        raise ValueError("no temperature")
    scores = np.einsum("id,jd->ij", unit(image), unit(text)) / temperature
    shifted = [scores - scores.max(axis=a, keepdims=True) for a in (0, 1)]
    logs = [s - np.log(np.exp(s).sum(axis=a, keepdims=True)) for a, s in enumerate(shifted)]
    return -(np.trace(logs[0]) + np.trace(logs[1])) / (2 * len(image))


@contrastive_loss.style
def contrastive_in_float32(image, text, temperature=0.07):
    """float32 inside, a NumPy number outside."""
    assert temperature > 0
    scores = unit(image.astype(np.float32)) @ unit(text.astype(np.float32)).T / np.float32(temperature)
    return np.float32(both_ways(scores))
