"""Writes ONNX graphs, node by node.

Converters are no way: tf2onnx does not run with NumPy 2, and Keras's own export by PyTorch refuses
recurrent layers of any length. The graphs need some twenty operators, so the package `onnx` is all
that it takes.
"""

from collections.abc import Sequence

import numpy as np

OPSET = 17  # of 2022: every runtime of today knows it
IR_VERSION = 8


class GraphWriter:
    """A graph that grows by calls: `graph("MatMul", x, kernel)` adds a node.

    Tensors are known by their names, as in ONNX.

    Args:
        name: Name of the graph, with which those of its nodes and tensors begin.
    """

    def __init__(self, name: str = "seq2seq"):
        self.name = name
        self.nodes = []
        self.weights = {}
        self.named = {}

    def weight(self, name: str, array) -> str:
        """Adds a weight, once for each name, and returns its name."""
        if name not in self.weights:
            self.weights[name] = np.require(array, requirements="C")
        return name

    def constant(self, value, dtype: str) -> str:
        """Adds a small constant and returns its name."""
        array = np.asarray(value, dtype)
        text = "_".join(map(str, array.ravel().tolist()))
        shape = "x".join(map(str, array.shape))
        return self.weight(f"constant_{dtype}_{shape}_{text}", array)

    def cast(self, x: str, dtype: str) -> str:
        """Converts a tensor to a data type."""
        from onnx import helper

        return self("Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def __call__(self, operator: str, *inputs: str, outputs: int | Sequence = 1, **attributes):
        """Adds a node.

        Args:
            operator: Its name in ONNX.
            *inputs: Names of tensors; `""` for one that is left out.
            outputs: Number of outputs, or their names. Defaults to 1.
            **attributes: Attributes of the operator.

        Returns:
            The name of the output, or a list of names.
        """
        from onnx import helper

        name = f"{self.name}/{operator.lower()}_{len(self.nodes)}"
        if isinstance(outputs, int):
            names = [f"{name}_{i}" for i in range(outputs)]
        else:
            names = list(outputs)
        self.nodes.append(helper.make_node(operator, inputs, names, name, **attributes))
        return names if len(names) > 1 else names[0]

    def name_output(self, tensor: str, name: str) -> None:
        """Gives a tensor the name of an output, without a copy unless it has one already."""
        if tensor in self.named:
            self("Identity", tensor, outputs=[name])
        else:
            self.named[tensor] = name

    def to_graph(self, inputs: dict[str, tuple], outputs: dict[str, tuple]):
        """Returns the graph as an `onnx.GraphProto`.

        Args:
            inputs: `(dtype, shape)` by name; an axis of any size is a name.
            outputs: The same.
        """
        from onnx import helper, numpy_helper

        def describe(tensors):
            return [
                helper.make_tensor_value_info(
                    name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape
                )
                for name, (dtype, shape) in tensors.items()
            ]

        for node in self.nodes:
            node.input[:] = [self.named.get(name, name) for name in node.input]
            node.output[:] = [self.named.get(name, name) for name in node.output]
        weights = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        return helper.make_graph(
            self.nodes, self.name, describe(inputs), describe(outputs), weights
        )

    def to_model(self, inputs: dict[str, tuple], outputs: dict[str, tuple]):
        """Returns the graph as an `onnx.ModelProto`, checked; see `to_graph`."""
        import onnx
        from onnx import helper

        model = helper.make_model(
            self.to_graph(inputs, outputs),
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="seq2seq",
        )
        onnx.checker.check_model(model)
        return model
