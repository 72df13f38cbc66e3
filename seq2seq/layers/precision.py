"""The data type of the matrix products in training."""

from keras import ops

from seq2seq.backend import multiplies_bfloat16

WORTHWHILE = 2**17  # weights of a kernel; below, casting costs what the product saves


def training_dtype(precision: str, inputs: int, outputs: int) -> str:
    """Returns the data type of a layer's products in training.

    Args:
        precision: `"float32"`, `"bfloat16"`, or `"auto"`: bfloat16 where the processor is faster
            with it and the layer large enough to gain (see `benchmarks/train.py`).
        inputs: Size of the layer's input.
        outputs: Size of its output.

    Returns:
        `"float32"` or `"bfloat16"`.
    """
    if precision != "auto":
        return precision
    return "bfloat16" if inputs * outputs >= WORTHWHILE and multiplies_bfloat16() else "float32"


def multiplies_half(layer, training: bool) -> bool:
    """Tells whether a layer with a `training_dtype` should multiply in bfloat16.

    A Keras dtype policy other than float32 takes precedence.
    """
    half = layer.training_dtype == "bfloat16" and layer.compute_dtype == "float32"
    return bool(training and half)


def half_product(a, b):
    """Multiplies float32 matrices as bfloat16; the result is float32."""
    product = ops.matmul(ops.cast(a, "bfloat16"), ops.cast(b, "bfloat16"))
    return ops.cast(product, "float32")
