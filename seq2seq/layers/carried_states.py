"""States that are kept from one training batch to the next."""

from collections.abc import Sequence

import keras
import numpy as np


class CarriedStates(keras.layers.Layer):
    """Holds the last states of a batch, from which the next one starts.

    No gradient flows through them (truncated back-propagation through time, Mikolov et al. 2010,
    section 2), and they are not saved.

    Args:
        shapes: Shape of each state, the batch size included.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]]):
        super().__init__(name="carried_states")
        self.states = [
            self.add_weight(shape, "zeros", trainable=False, name=f"state_{i + 1}")
            for i, shape in enumerate(shapes)
        ]
        self.built = True

    def read(self) -> list:
        """Returns the states."""
        return [state.value for state in self.states]

    def write(self, values: Sequence) -> None:
        """Stores new states."""
        for state, value in zip(self.states, values, strict=True):
            state.assign(value)

    def reset(self) -> None:
        """Sets all to zero."""
        self.write([np.zeros(state.shape, "float32") for state in self.states])

    def save_own_variables(self, store):
        """Saves nothing."""

    def load_own_variables(self, store):
        """Loads nothing."""
