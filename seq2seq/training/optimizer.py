"""The default optimizer of the models."""

import functools

import keras
from keras import ops

from seq2seq.backend import runs_tensorflow_on_cpu


@keras.saving.register_keras_serializable(package="seq2seq")
class Adam(keras.optimizers.Adam):
    """`keras.optimizers.Adam` in one pass over the weights, for TensorFlow on a CPU.

    Everywhere it is the algorithm of Kingma & Ba 2015 (https://arxiv.org/abs/1412.6980, section 2,
    last paragraph). The gradients of an embedding's row are summed before they are squared; under
    TensorFlow, Keras's own optimizer treats each occurrence of a row separately.

    Args:
        learning_rate: Defaults to 0.001.
        name: Defaults to `"adam"`.
        **kwargs: The other arguments of `keras.optimizers.Adam`. With weights in float16, `epsilon`
            defaults to 1e-4.
    """

    def __init__(self, learning_rate=0.001, name: str = "adam", **kwargs):
        if keras.config.floatx() == "float16":  # in which Keras's 1e-7 is nothing
            kwargs.setdefault("epsilon", 1e-4)
        super().__init__(learning_rate, name=name, **kwargs)
        self._apply_adam = None

    def apply(self, grads, trainable_variables=None):
        """Updates the weights with gradients."""
        if not runs_tensorflow_on_cpu():
            return super().apply(grads, trainable_variables)
        import tensorflow as tf

        step = ops.cast(self.iterations + 1, "float32")
        self._apply_adam = functools.partial(
            tf.raw_ops.ResourceApplyAdam,
            # What all weights share is in the graph once.
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            beta1=ops.convert_to_tensor(self.beta_1, "float32"),
            beta2=ops.convert_to_tensor(self.beta_2, "float32"),
            epsilon=ops.convert_to_tensor(self.epsilon, "float32"),
        )
        try:
            return super().apply(grads, trainable_variables)
        finally:
            self._apply_adam = None  # rather than keep a graph alive

    def _clip_gradients(self, grads):
        """Clips each gradient by its norm, as Keras does in three times as many operations."""
        kinds = {getattr(gradient, "dtype", None) for gradient in grads}
        if not self.clipnorm or len(kinds) > 1 or not runs_tensorflow_on_cpu():
            return super()._clip_gradients(grads)
        import tensorflow as tf

        # Of an embedding's gradient that is the norm of all occurrences of its rows, as in Keras.
        values = [getattr(gradient, "values", gradient) for gradient in grads]
        squares = 2 * tf.stack([tf.nn.l2_loss(value) for value in values])  # (weights,)
        factors = self.clipnorm / tf.sqrt(tf.maximum(squares, self.clipnorm**2))
        clipped = [
            value * factor for value, factor in zip(values, tf.unstack(factors), strict=True)
        ]
        return [
            tf.IndexedSlices(value, gradient.indices, gradient.dense_shape)
            if isinstance(gradient, tf.IndexedSlices)
            else value
            for value, gradient in zip(clipped, grads, strict=True)
        ]

    def update_step(self, gradient, variable, learning_rate):
        """Updates one weight."""
        if self.amsgrad or variable.dtype != "float32" or self._apply_adam is None:
            return super().update_step(gradient, variable, learning_rate)
        i = self._get_variable_index(variable)
        self._apply_adam(
            var=variable.handle,
            m=self._momentums[i].value.handle,
            v=self._velocities[i].value.handle,
            lr=ops.cast(learning_rate, "float32"),
            grad=ops.cast(gradient, "float32"),
        )
