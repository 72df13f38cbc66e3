"""What differs between the backends of Keras, but for what is built for one of them alone."""

import collections
import contextlib
import functools
import operator
import os
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
from keras import ops

from seq2seq.quiet import quiet_start

# Keras's layers are called by one thread at a time while a graph is traced.
_tracing = threading.RLock()

OFTEN = 16  # batches an epoch that are worth a compiled function of their own


def compile_function(
    function: Callable,
    variables: Sequence[keras.Variable],
    dynamic_axes: Sequence[Sequence[int]] | None = None,
) -> Callable:
    """Compiles a function of tensors that reads the variables of a model.

    Under JAX a compiled closure would keep the weights it was traced with, so they are passed in at
    every call; a TensorFlow graph reads them by itself.

    Args:
        function: Takes and returns tensors (or nested structures of them).
        variables: The variables that `function` reads. It must not assign to them.
        dynamic_axes: For each argument the axes whose size differs from call to call. Defaults to
            `None`: the first two axes of all, batch and length. TensorFlow traces again when
            another axis changes; JAX compiles for every shape (see `padded_size`).

    Returns:
        A thread-safe function of the same arguments, arrays or tensors.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        return _TensorFlowFunction(function, dynamic_axes)
    if backend == "jax":
        import jax

        def stateless(values, *args):
            with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
                return function(*args)

        compiled = jax.jit(stateless)

        def call(*args):
            with _tracing:
                return compiled([variable.value for variable in variables], *args)

        return call
    return function


class _TensorFlowFunction:
    """A function as TensorFlow graphs, one for each combination of fixed sizes."""

    def __init__(self, function, dynamic_axes):
        self.function = function
        self.dynamic_axes = dynamic_axes
        self._graphs = {}

    def __call__(self, *args):
        return self.specialise(*args)(*args)

    def specialise(self, *args):
        """Returns the function for arguments of these fixed sizes, which it then does not check."""
        import tensorflow as tf

        key = []
        for i, arg in enumerate(args):
            axes = (0, 1) if self.dynamic_axes is None else self.dynamic_axes[i]
            for leaf in keras.tree.flatten(arg):
                shape = (None if axis in axes else n for axis, n in enumerate(leaf.shape))
                key.append((tuple(shape), leaf.dtype))
        key = tuple(key)
        if key not in self._graphs:
            with _tracing:
                if key not in self._graphs:
                    self._graphs[key] = self._trace(args, key)
        graph = self._graphs[key]
        return lambda *args: graph(*map(tf.convert_to_tensor, keras.tree.flatten(args)))

    def _trace(self, args, key):
        import tensorflow as tf

        def flat(*leaves):
            return self.function(*keras.tree.pack_sequence_as(args, leaves))

        # With its own `tf.function`, so that the graphs of many models do not count as one function
        # that is traced too often.
        specs = (tf.TensorSpec(*spec) for spec in key)
        return tf.function(flat, autograph=False).get_concrete_function(*specs)


def specialise(function: Callable, *args) -> Callable:
    """Returns a compiled function for a loop in which all sizes stay as in these arguments."""
    return function.specialise(*args) if isinstance(function, _TensorFlowFunction) else function


def as_tensors(structure):
    """Returns a nested structure of arrays as tensors, for a function that is called often."""
    return keras.tree.map_structure(ops.convert_to_tensor, structure)


def as_number(variable) -> float:
    """Returns the value of a scalar variable, of which a distribution strategy may have copies."""
    value = getattr(variable, "value", variable)
    return float(getattr(value, "values", [value])[0])


class CompiledFunctions:
    """The compiled functions of a model, which follow its changes.

    The least recently used of more than `limit` are dropped, and all of them when the model's
    variables are other ones than before, as after `quantize` or `enable_lora`.

    Args:
        read_variables: Returns the model's variables.
        limit: How many to keep. Defaults to 16.
    """

    def __init__(self, read_variables: Callable[[], Sequence[keras.Variable]], limit: int = 16):
        self.read_variables = read_variables
        self.limit = limit
        self._functions = collections.OrderedDict()
        self._variables = []
        self._lock = threading.Lock()

    def get(
        self, key: Hashable, function: Callable, dynamic_axes: Sequence[Sequence[int]] | None = None
    ) -> Callable:
        """Returns the compiled function of a key.

        Args:
            key: Stands for all that `function` depends on besides its arguments and the variables.
            function: What to compile if there is none yet; see `compile_function`.
            dynamic_axes: See `compile_function`.
        """
        variables = self.read_variables()
        with self._lock:
            if len(variables) != len(self._variables) or not all(
                map(operator.is_, variables, self._variables)
            ):
                self._functions.clear()
                self._variables = variables
            if key not in self._functions:
                self._functions[key] = compile_function(function, variables, dynamic_axes)
            self._functions.move_to_end(key)
            if len(self._functions) > self.limit:
                self._functions.popitem(last=False)
            return self._functions[key]


def custom_gradient(function: Callable) -> Callable:
    """`keras.ops.custom_gradient`, whose gradients `forget_gradients` can forget."""
    wrapped = ops.custom_gradient(function)
    if keras.backend.backend() != "tensorflow":
        return wrapped

    def call(*args):
        with _tracing:
            known = set(_gradient_registry())
            result = wrapped(*args)
            _traced.names = getattr(_traced, "names", set()) | (_gradient_registry() - known)
        return result

    return call


@contextlib.contextmanager
def forget_gradients() -> Iterator[None]:
    """Forgets the custom gradients that this thread traces in it, once it has used them.

    TensorFlow keeps each one in a registry for ever, and with it the graph: some 20 MB for every
    model that is trained.
    """
    _traced.names = set()
    try:
        yield
    finally:
        _gradient_registry(forget=_traced.names)
        _traced.names = set()


_traced = threading.local()


def _gradient_registry(forget: Iterable[str] = ()) -> set[str]:
    """Returns the names of TensorFlow's registered custom gradients, after forgetting some."""
    try:
        from tensorflow.python.framework.ops import gradient_registry

        registry = gradient_registry._registry
        for name in forget:
            registry.pop(name, None)
        return {name for name in registry if name.startswith("CustomGradient-")}
    except (ImportError, AttributeError):  # another TensorFlow than those of today
        return set()


def variable_scope(model: keras.Model) -> contextlib.AbstractContextManager:
    """Returns where variables of a model are made: in its strategy of `tf.distribute`, if any."""
    strategy = getattr(model, "distribute_strategy", None)
    return strategy.scope() if strategy else contextlib.nullcontext()


def first_best(x):
    """Returns the index of the first largest number of each row, as `argmax` does.

    It takes half of the time of a greedy step outside the model. `keras.ops.argmax` looks for
    negative zeros first; and XLA compiles a maximum and a minimum to faster code than one argmax.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.argmax(x, axis=-1, output_type="int32")
    x = ops.convert_to_tensor(x)
    best = ops.max(x, axis=-1, keepdims=True)
    indices = np.arange(x.shape[-1], dtype="int32")
    first = ops.min(ops.where(x == best, indices, x.shape[-1]), axis=-1)
    return ops.where(first < x.shape[-1], first, 0)  # no number equals NaN


def top_k(x, k: int):
    """Returns the `k` largest numbers of each row and their indices, as `keras.ops.top_k`.

    They are in the `k` blocks of a row with the largest maxima, so only these are sorted: less
    than half the time for 5 of 8,000.

    Args:
        x: float `(..., columns)`.
        k: How many.

    Returns:
        Tuple `(values, indices)`, each `(..., k)`, the largest first; ties go to the first.
    """
    columns, width = x.shape[-1], 64
    count = -(-columns // width)
    if 2 * k > count:
        return ops.top_k(x, k)
    if len(x.shape) > 2:
        values, indices = top_k(ops.reshape(x, (-1, columns)), k)
        shape = (-1, *x.shape[1:-1], k)
        return ops.reshape(values, shape), ops.reshape(indices, shape)
    x = ops.pad(x, [[0, 0], [0, count * width - columns]], constant_values=-np.inf)
    blocks = ops.reshape(x, (-1, count, width))
    # In their order, so that ties go to the first.
    chosen = ops.sort(ops.top_k(ops.max(blocks, axis=-1), k)[1], axis=-1)  # (rows, k)
    first = ops.arange(ops.shape(x)[0], dtype="int32")[:, None] * count
    blocks = ops.take(ops.reshape(blocks, (-1, width)), first + chosen, axis=0)  # (rows, k, width)
    values, places = ops.top_k(ops.reshape(blocks, (-1, k * width)), k)
    indices = take_columns(chosen, places // width) * width + places % width
    return values, indices


def take_columns(x, indices):
    """Returns the numbers of each row at some columns.

    `keras.ops.take_along_axis` copies all of `x` under TensorFlow, to broadcast it to itself.

    Args:
        x: `(rows, columns)`.
        indices: int `(rows, k)`, each from 0 to `columns - 1`.

    Returns:
        `(rows, k)`, of the type of `x`.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.gather(x, indices, axis=1, batch_dims=1)
    return ops.take_along_axis(x, indices, axis=1)


def known_rank(x) -> int | None:
    """Returns the number of axes of a tensor; `None` in a graph of TensorFlow that takes any."""
    return x.shape.rank if keras.backend.backend() == "tensorflow" else len(x.shape)


def padded_size(size: int, minimum: int = 8) -> int:
    """Returns the size to pad to, so that a compiled function meets few shapes.

    TensorFlow takes any shape. JAX spends seconds on each new one, so sizes are rounded up to
    `minimum` times 1, 1.5, 2, 3, 4, 6, ..., by default 8, 12, 16, 24, 32, 48, 64, ...
    """
    if keras.backend.backend() == "tensorflow":
        return size
    step = minimum
    while step < size:
        if size <= step * 3 // 2:
            return step * 3 // 2
        step *= 2
    return step


def padded_pairs(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Returns sizes as `padded_size` does for batches of two, each a source and a target length.

    Both make a shape. One that fewer than `OFTEN` batches have is not worth its compilation: there
    the shorter side becomes as long as the longer.
    """
    if keras.backend.backend() == "tensorflow":
        return list(pairs)
    pairs = [(padded_size(source), padded_size(target)) for source, target in pairs]
    counts = collections.Counter(pairs)
    return [pair if counts[pair] >= OFTEN else (max(pair), max(pair)) for pair in pairs]


@functools.cache
def start_quietly() -> None:
    """Starts TensorFlow, if Keras runs on it, and hides what it prints at its start."""
    if keras.backend.backend() == "tensorflow":
        with quiet_start():
            ops.zeros(())


@functools.cache
def runs_tensorflow_on_cpu() -> bool:
    """Tells whether Keras runs on TensorFlow without an accelerator."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    return not tf.config.list_physical_devices("GPU")


@functools.cache
def multiplies_bfloat16() -> bool:
    """Tells whether the processor multiplies bfloat16 faster than float32, and Keras uses that.

    TensorFlow's own operations do, where there is AVX512-BF16 or AMX and oneDNN is not switched
    off. What XLA compiles, as under JAX, does not: there bfloat16 is half as fast.
    """
    if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return False
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return runs_tensorflow_on_cpu() and not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags)
