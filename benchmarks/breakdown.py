"""Tells where the time of an update goes, part by part, beside what the processor could do.

    python benchmarks/breakdown.py
    python benchmarks/breakdown.py --units 512

Each part of training a model without attention is run by itself, forwards and backwards, on 64
sentences of 16 tokens on each side: with Keras's own layers, with those of seq2seq in float32, and
with those multiplying in bfloat16. The ceiling is the time of the part's matrix products alone at
the speed of a product of 2048 x 2048 matrices in bfloat16, or in float32 if that is faster.
"""

import argparse
import functools
import statistics
import time

from cores import add_threads_argument, restrict_threads

BATCH, LENGTH, DIM = 64, 16, 256


def main() -> None:
    """Measures every part and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=256, help="of the LSTMs (256)")
    parser.add_argument("--vocabulary", type=int, default=8000, help="of the target (8000)")
    parser.add_argument("--repeats", type=int, default=20, help="the median counts (20)")
    add_threads_argument(parser)
    arguments = parser.parse_args()
    restrict_threads(arguments.threads)
    speeds = {dtype: product_speed(dtype) for dtype in ("float32", "bfloat16")}
    for dtype, speed in speeds.items():
        print(f"{dtype} product of 2048 x 2048: {speed / 1e9:.0f} GFLOP/s")
    print("ms                    Keras  float32  bfloat16  ceiling")
    sums = [0.0] * 4
    for name, sides, operations in parts(arguments.units, arguments.vocabulary):
        row = [1000 * median_time(side, arguments.repeats) for side in sides]
        row.append(1000 * operations / max(speeds.values()))
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        print(f"{name:20}  " + "  ".join(f"{number:6.1f} " for number in row))
    print(f"{'sum':20}  " + "  ".join(f"{number:6.1f} " for number in sums))


def median_time(function, repeats: int) -> float:
    """Returns the median seconds of a call, after three to warm up."""
    times = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return statistics.median(times[3:])


def product_speed(dtype: str) -> float:
    """Returns operations a second of a large matrix product."""
    import tensorflow as tf

    a = tf.cast(tf.random.normal((2048, 2048)), dtype)
    return 2 * 2048**3 / median_time(tf.function(lambda: tf.matmul(a, a)), 10)


def parts(units: int, vocabulary: int):
    """Yields `(name, three functions, floating-point operations of the products)`."""
    positions = BATCH * LENGTH
    lstm = 3 * 2 * positions * (DIM + units) * 4 * units
    yield "LSTM of the encoder", lstm_sides(units, masked=True), lstm
    yield "LSTM of the decoder", lstm_sides(units, masked=False), lstm
    yield "output and loss", output_sides(units, vocabulary), 6 * positions * units * vocabulary
    yield "Adam", adam_sides(units, vocabulary), 0
    yield "accuracy", accuracy_sides(vocabulary), 0


def lstm_sides(units: int, masked: bool) -> list:
    """Returns an LSTM over sentences, forwards and backwards."""
    import keras
    import tensorflow as tf

    from seq2seq.layers.recurrent import LSTM

    x = tf.random.normal((BATCH, LENGTH, DIM))
    mask = tf.sequence_mask(tf.random.uniform((BATCH,), 8, LENGTH + 1, "int32"), LENGTH)
    mask = mask if masked else None
    sides = []
    for kind, options in (
        (keras.layers.LSTM, {}),
        (LSTM, {}),
        (LSTM, {"training_dtype": "bfloat16"}),
    ):
        layer = kind(units, return_sequences=True, **options)
        layer.build(x.shape)
        sides.append(
            with_gradient(layer, lambda x, layer=layer: layer(x, mask=mask, training=True), x)
        )
    return sides


def with_gradient(layer, function, x):
    """Returns a compiled function that computes gradients of the sum of the squares of another."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            result = function(x)
            loss = tf.reduce_sum(result * result)
        return tape.gradient(loss, [x, *(weight.value for weight in layer.trainable_variables)])

    return run


def output_sides(units: int, vocabulary: int) -> list:
    """Returns the output layer, softmax and loss, forwards and backwards."""
    import keras
    import tensorflow as tf

    from seq2seq.layers.mixed_precision_dense import Dense
    from seq2seq.training.losses import Crossentropy

    x = tf.random.normal((BATCH, LENGTH, units))
    labels = tf.random.uniform((BATCH, LENGTH), 0, vocabulary, "int32")
    plain, own = keras.losses.SparseCategoricalCrossentropy(), Crossentropy()
    sides = []
    for layer, loss in (
        (keras.layers.Dense(vocabulary), plain),
        (Dense(vocabulary), own),
        (Dense(vocabulary, "bfloat16"), own),
    ):
        layer.build(x.shape)
        softmax = keras.layers.Softmax()
        sides.append(
            with_gradient(
                layer,
                lambda x, layer=layer, loss=loss, softmax=softmax: loss(
                    labels, softmax(layer(x, training=True))
                ),
                x,
            )
        )
    return sides


def adam_sides(units: int, vocabulary: int) -> list:
    """Returns an update of the weights."""
    import keras
    import tensorflow as tf

    from seq2seq.training.optimizer import Adam

    shapes = [(vocabulary, DIM)] * 2 + [(DIM, 4 * units), (units, 4 * units)] * 2
    shapes += [(units, vocabulary)]
    ids = tf.random.uniform((BATCH * LENGTH,), 0, vocabulary, "int32")
    rows = tf.IndexedSlices(tf.random.normal((BATCH * LENGTH, DIM)), ids, (vocabulary, DIM))
    gradients = [rows, rows, *map(tf.random.normal, shapes[2:])]
    sides = []
    for kind in (keras.optimizers.Adam, Adam, Adam):
        weights = [keras.Variable(tf.random.normal(shape)) for shape in shapes]
        optimizer = kind(1e-3, clipnorm=1.0)
        optimizer.build(weights)
        update = functools.partial(optimizer.apply, gradients, weights)
        sides.append(tf.function(lambda update=update: update(), autograph=False))
    return sides


def accuracy_sides(vocabulary: int) -> list:
    """Returns the metric."""
    import keras
    import tensorflow as tf

    from seq2seq.training.metrics import Accuracy

    probabilities = tf.random.uniform((BATCH, LENGTH, vocabulary))
    labels = tf.random.uniform((BATCH, LENGTH), 0, vocabulary, "int32")
    return [
        tf.function(
            lambda metric=metric: metric.update_state(labels, probabilities), autograph=False
        )
        for metric in (keras.metrics.SparseCategoricalAccuracy(), Accuracy(), Accuracy())
    ]


if __name__ == "__main__":
    main()
