"""What token models share: padding is left out of every loss and metric."""

import keras
import numpy as np
from keras import ops

from seq2seq.layers.output_product import find_product
from seq2seq.models.text_model import TextModel
from seq2seq.text.vocabulary import PAD
from seq2seq.training.losses import Crossentropy
from seq2seq.training.metrics import Accuracy, Perplexity, weights_by_token


class TokenModel(TextModel):
    """A model whose labels are tokens, one per position; padding (0) is never counted."""

    def compile_with_defaults(self) -> None:
        """Compiles the model as it arrives."""
        self.compile(
            optimizer=self.default_optimizer(),
            loss=Crossentropy(self.options.label_smoothing),
            metrics=[Accuracy(), Perplexity()],
        )

    def prepare_weights(self, x, y, weights: dict) -> dict:
        """Gives each token its row's weight, so that weights have the same rank in all calls.

        Raises:
            ValueError: If there is a `class_weight`, which Keras would look up by position.
        """
        if weights.get("class_weight") is not None:
            raise ValueError(
                "Expected no `class_weight`: labels are tokens, not classes. Received one. Pass "
                "arrays of ids with a `sample_weight` for each token."
            )
        sample_weight = weights.get("sample_weight")
        if sample_weight is None or np.ndim(sample_weight) != 1 or y is None:
            return weights
        sample_weight = np.repeat(np.asarray(sample_weight)[:, None], y.shape[1], axis=1)
        return {**weights, "sample_weight": sample_weight}

    def mask_predictions(self, y, y_pred):
        """Returns labels, and predictions with the mask of what has one."""
        if y is not None and len(y.shape) == 3 and y.shape[-1] == 1:
            y = ops.squeeze(y, axis=-1)
        return y, mask_padding(y, y_pred)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Computes the loss as a mean over real tokens, whatever loss was compiled."""
        y, y_pred = self.mask_predictions(y, y_pred)
        sample_weight = _token_weight(y, sample_weight)
        # Another loss, though it be made of this one, may weigh tokens in its own way.
        if type(self.loss) is Crossentropy and self.loss.reduction not in (None, "none"):
            _weigh(y, y_pred, sample_weight)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the metrics, including Keras's own, with real tokens only."""
        y, y_pred = self.mask_predictions(y, y_pred)
        return super().compute_metrics(x, y, y_pred, _token_weight(y, sample_weight))


class _CarryMask(keras.layers.Layer):
    """Passes a tensor on with the mask it is given."""

    def __init__(self, **kwargs):
        super().__init__(autocast=False, name="carry_mask", **kwargs)
        self.supports_masking = True

    def call(self, inputs, mask=None):
        return inputs


carry_mask = _CarryMask()


def mask_padding(y, y_pred):
    """Attaches the mask of the real tokens to predictions, where Keras looks for it."""
    if y is None:
        return y_pred
    if len(y.shape) == 3:  # one-hot; padding is all zeros, or has its one at index 0
        y = ops.argmax(y, axis=-1)
    return carry_mask(y_pred, mask=ops.not_equal(y, PAD))


def _weigh(y, y_pred, sample_weight):
    """Tells the loss what each token counts, where it computes the gradient of an output layer."""
    product = find_product(y_pred)
    if product is not None and y is not None and len(y.shape) == 2:
        weights = ops.cast(ops.not_equal(y, PAD), "float32")
        if sample_weight is not None:
            weights = weights * ops.cast(sample_weight, "float32")
        product.weights = weights


def _token_weight(y, sample_weight):
    """Gives weights of rows, where there are any, the token axis of the labels."""
    if sample_weight is None or y is None:
        return sample_weight
    return weights_by_token(keras.tree.flatten(y)[0], sample_weight)
