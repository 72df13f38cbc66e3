"""What the commands of the command line do."""

import keras

from seq2seq.commands.evaluate import evaluate
from seq2seq.commands.generate import generate
from seq2seq.commands.inspect import inspect
from seq2seq.commands.train import train

__all__ = ["evaluate", "generate", "inspect", "train"]

keras.ops.zeros(())  # starts the backend, while the command line keeps it quiet
