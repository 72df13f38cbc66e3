"""Trains for some minutes, so that models of other speeds are compared by what they learn in them.

No command of its own: see `--minutes` of perplexity.py and pretraining.py.
"""

import math
import time

import keras


class StopInTime(keras.callbacks.Callback):
    """Lowers the learning rate to 0 over some minutes, after a warm-up, and stops there.

    Args:
        peak: Highest learning rate.
        minutes: Minutes of training.
    """

    def __init__(self, peak: float, minutes: float):
        super().__init__()
        self.peak, self.seconds = peak, 60 * minutes

    def on_train_begin(self, logs=None):
        """Starts the clock."""
        self.start, self.updates = time.perf_counter(), 0

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rate."""
        self.updates += 1
        done = min(1.0, (time.perf_counter() - self.start) / self.seconds)
        rate = self.peak * min(self.updates / 500, 0.5 * (1 + math.cos(math.pi * done)))
        self.model.optimizer.learning_rate = max(rate, 1e-7)

    def on_train_batch_end(self, batch, logs=None):
        """Stops when the time is up."""
        self.model.stop_training = time.perf_counter() - self.start > self.seconds
