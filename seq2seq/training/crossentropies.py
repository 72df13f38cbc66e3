"""Cross-entropies whose gradients are computed with them: of scores, and of an output layer."""

import dataclasses

from keras import ops

from seq2seq.backend import custom_gradient, first_best
from seq2seq.generation.constraints import NEVER
from seq2seq.layers.output_product import OutputProduct
from seq2seq.training.metrics import pick

BLOCK = 2**24  # scores that are kept at a time, 64 MB; smaller blocks take longer


def crossentropy_of_scores(scores, labels, label_smoothing=0.0):
    """Returns the cross-entropy of each label, with a gradient in one pass over the scores.

    Args:
        scores: float32 `(..., classes)`, unnormalised log probabilities.
        labels: int32 `(...)`.
        label_smoothing: Share of each label spread over all classes. Defaults to 0.
    """
    rows = ops.reshape(labels, (-1,))  # (labels,)

    @custom_gradient
    def losses_of(scores):
        losses, d_scores = _with_gradient(scores, rows, label_smoothing)

        def gradient(upstream):
            return ops.reshape(d_scores(ops.reshape(upstream, (-1,))), ops.shape(scores))

        return ops.reshape(losses, ops.shape(labels)), gradient

    return losses_of(scores)


def crossentropy_of_product(product: OutputProduct, labels, label_smoothing=0.0):
    """Returns the cross-entropy of each label without ever keeping all scores.

    Scores are made, used and forgotten a block of labels at a time, and so are their gradients,
    which are known as soon as the loss is, but for a factor (Liger Kernel, Hsu et al. 2024,
    https://arxiv.org/abs/2410.10989, section 3.2).

    Args:
        product: What makes the scores `(..., classes)`. With `weights`: gradients are right if that
            of each loss is its weight times a factor which all share, as in a weighted mean. Its
            `measured` becomes `nats`, the losses without smoothing, and `hits`, 1.0 where the label
            has the best score.
        labels: int32 `(...)`.
        label_smoothing: As in `crossentropy_of_scores`.
    """
    shape, dim = ops.shape(labels), product.kernel.shape[0]
    labels, weights = (ops.reshape(x, (-1,)) for x in (labels, product.weights))

    @custom_gradient
    def found_of(inputs, kernel, bias):
        here = dataclasses.replace(
            product, inputs=inputs, kernel=kernel, bias=bias, weights=weights
        )
        found, *gradients = _in_blocks(here, labels, label_smoothing)

        def gradient(upstream):
            # Each is its weight times the factor; the weights may be of both signs.
            factor = ops.sum(upstream[0] * weights) / ops.maximum(ops.sum(weights**2), 1e-30)
            return tuple(factor * gradient for gradient in gradients)

        return found, gradient

    inputs = ops.reshape(product.inputs, (-1, dim))  # (labels, dim)
    # Copies, because what runs eagerly has variables here, which a custom gradient takes none of.
    found = found_of(inputs, ops.copy(product.kernel), ops.copy(product.bias))  # (3, labels)
    losses, nats, hits = (ops.reshape(found[i], shape) for i in range(3))
    product.measured = {"nats": nats, "hits": hits}
    return losses


def _in_blocks(product, labels, label_smoothing):
    """Returns what is found `(3, labels)`, and the gradients of inputs, kernel and bias."""
    dim, classes = product.kernel.shape
    count = ops.shape(labels)[0]
    # Not from `count * classes`, which may be too large for int32.
    blocks = count // max(1, BLOCK // classes) + 1
    size = (count + blocks - 1) // blocks  # labels of a block
    padding = blocks * size - count

    def cut(x):
        padded = ops.pad(x, [[0, padding]] + [[0, 0]] * (len(x.shape) - 1))
        return ops.reshape(padded, (blocks, size, *x.shape[1:]))

    inputs, labels, weights = cut(product.inputs), cut(labels), cut(product.weights)
    kernel = ops.cast(product.kernel, "bfloat16") if product.half else product.kernel  # once

    def body(i, found, d_inputs, d_kernel, d_bias):
        x = inputs[i]  # (size, dim)
        scores = product.multiply(x, kernel) + product.bias  # (size, classes)
        losses, d_scores = _with_gradient(scores, labels[i], label_smoothing)
        hits = ops.cast(ops.equal(first_best(scores), labels[i]), "float32")
        nats = losses if not label_smoothing else _with_gradient(scores, labels[i], 0.0)[0]
        d_scores = d_scores(weights[i])
        d_x = product.multiply(d_scores, ops.transpose(kernel))
        here = ops.stack([losses, nats, hits])[:, None]  # (3, 1, size)
        return (
            i + 1,
            ops.slice_update(found, (0, i, 0), here),
            ops.slice_update(d_inputs, (i, 0, 0), d_x[None]),
            d_kernel + product.multiply(ops.transpose(x), d_scores),
            d_bias + ops.sum(d_scores, axis=0),
        )

    found = ops.zeros((3, blocks, size))
    start = 0, found, ops.zeros_like(inputs), ops.zeros_like(product.kernel), ops.zeros((classes,))
    _, found, d_inputs, *rest = ops.while_loop(lambda i, *_: i < blocks, body, start)
    found = ops.reshape(found, (3, -1))[:, :count]
    return found, ops.reshape(d_inputs, (-1, dim))[:count], *rest


def _with_gradient(scores, labels, label_smoothing):
    """Returns the cross-entropy of each label, and a function of its gradient.

    Args:
        scores: float32 `(..., classes)`, of any shape before the last axis.
        labels: int32 `(labels,)`, of all rows of the scores.
        label_smoothing: As in `crossentropy_of_scores`.

    Returns:
        Tuple of the losses `(labels,)`, and a function from their gradients to those of the scores,
        `(labels, classes)`.
    """
    classes = scores.shape[-1]
    # Of the scores as they came: TensorFlow then computes it once with the model's softmax.
    probabilities = ops.reshape(ops.softmax(scores), (-1, classes))
    scores = ops.reshape(scores, (-1, classes))
    # The logarithm of the softmax's denominator, from its largest term: faster than the sum.
    total = ops.max(scores, axis=-1) - ops.log(ops.max(probabilities, axis=-1))
    losses = total - (1 - label_smoothing) * pick(scores, labels)
    share = label_smoothing / classes
    if label_smoothing:
        mean, some_are_impossible = _mean_of_possible(scores, total)
        losses -= label_smoothing * mean

    def spread_of_possible():
        possible = ops.cast(scores > NEVER / 2, scores.dtype)
        impossible = classes - ops.sum(possible, axis=-1, keepdims=True)
        return probabilities * (1 - share * impossible) - share * possible

    def gradient(upstream):
        # Probabilities minus smoothed labels: minus 1 - label_smoothing at the label itself.
        spread = probabilities
        if label_smoothing:
            spread = ops.cond(
                some_are_impossible, spread_of_possible, lambda: probabilities - share
            )
        at_label = pick(spread, labels) - (1 - label_smoothing)
        places = ops.stack([ops.arange(ops.shape(labels)[0], dtype="int32"), labels], axis=-1)
        return ops.scatter_update(spread * upstream[:, None], places, at_label * upstream)

    return losses, gradient


def _mean_of_possible(scores, total):
    """Returns the mean score of each row, in which an impossible class costs nothing.

    Such are those that a pretrained model can never predict: `NEVER` is the bias of their scores.
    Returns also whether there are any.

    Args:
        scores: float32 `(labels, classes)`.
        total: `(labels,)`, the logarithm of the sum of their exponentials.
    """
    mean = ops.mean(scores, axis=-1)

    def without_impossible():
        return ops.mean(ops.where(scores > NEVER / 2, scores, total[:, None]), axis=-1)

    # Seldom needed, and two more passes over the scores.
    there_are = ops.any(mean < NEVER / 2 / scores.shape[-1])
    return ops.cond(there_are, without_impossible, lambda: mean), there_are
