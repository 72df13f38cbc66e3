"""What is random in an epoch depends on the seed and the epoch alone."""

import keras
import numpy as np

from seq2seq.data.batching import EpochOrder


class EpochSeeds(keras.callbacks.Callback):
    """Seeds the order of batches and the dropout of each epoch.

    So a training run that was stopped, and goes on at a later epoch, equals one that was not. Files
    hold no states of random numbers.

    Args:
        order: Order of the batches that `fit` makes; its seed is that of the dropout.
        dataset: A dataset that `fit` was given, which may have an order of its own. Defaults to
            `None`.
    """

    def __init__(self, order: EpochOrder, dataset=None):
        super().__init__()
        self.order = order
        self.orders = [order, getattr(dataset, "epoch_order", order)]

    def on_epoch_begin(self, epoch, logs=None):
        """Seeds an epoch."""
        for order in self.orders:
            order.epoch = epoch
        random = np.random.default_rng([self.order.seed, epoch])
        for variable in self.model.variables:
            if variable.path.endswith("seed_generator_state"):
                variable.assign(random.integers(2**31, size=variable.shape))
