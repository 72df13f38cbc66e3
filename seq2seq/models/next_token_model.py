"""NextTokenModel: what a language model does with texts, whatever its network."""

from collections.abc import Sequence

import keras

from seq2seq.data.batching import make_windows
from seq2seq.data.inputs import check_ids, check_texts
from seq2seq.data.padding import pad_rows, shift_right
from seq2seq.generation.compiled_generator import CompiledGenerator
from seq2seq.models.scoring import CompiledContinuationScorer
from seq2seq.models.token_model import TokenModel
from seq2seq.tasks.continuation import ContinuedTexts
from seq2seq.tasks.positions import check_positions
from seq2seq.text.side import Side
from seq2seq.text.tokenizers import Tokenizer


class NextTokenModel(ContinuedTexts, TokenModel):
    """A model that predicts each token of a text from those before it, compiled.

    A subclass names its `network_type`, which is made of the size of the vocabulary and the
    options. A network takes symbolic ids and returns probabilities; it has `decoder`,
    `read(token_ids)`, and `begin` and `step` of a decoder (see `generation.loop`).

    Args:
        tokenizer: The tokenizer, or the size of the vocabulary.
        options: The network's options, with `window`.
        name: Name of the model.
    """

    network_type = None
    takes_rows = True

    def __init__(self, tokenizer: Tokenizer | int, options, name: str):
        side = Side.of("tokenizer", tokenizer)
        options.check_size(side.size)
        network = self.network_type(side.size, options)
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")
        super().__init__(inputs=token_ids, outputs=network(token_ids), name=name)
        self.describe(options, {"tokenizer": side})
        self.network = network
        self.generator = CompiledGenerator(network, self.functions, side.tokenizer, side.size)
        self.scorer = CompiledContinuationScorer(self)
        self.compile_with_defaults()

    @property
    def decoder(self):
        """The network's decoder."""
        return self.network.decoder

    def make_dataset(self, x, y, batch_size, shuffle=False, seed=None):
        """Returns a dataset of batches of windows of texts."""
        if y is not None:
            raise ValueError("Expected texts alone. Received a second argument too.")
        check_texts(x)
        return make_windows(self.make_rows(x), self.window, batch_size, shuffle, seed)

    def encode_rows(self, texts: Sequence[str]):
        """Turns texts into the arrays that `fit` takes, one row per text.

        Args:
            texts: List of texts.

        Returns:
            Tuple `(token_ids, labels)`, int32 arrays `(texts, length)`.

        Raises:
            ValueError: If they are no texts, or ids outside the vocabulary.
        """
        labels = pad_rows(self.make_rows(texts))
        return shift_right(labels), labels

    def check_arrays(self, x, y=None):
        """Raises a `ValueError` for arrays of ids that the model cannot take."""
        x = x["token_ids"] if isinstance(x, dict) and "token_ids" in x else x
        check_ids("token_ids", x, self.vocabulary_size)
        check_positions(self.options, "window", x.shape[1], "token_ids")
        if y is not None and len(y.shape) == 2:
            check_ids("labels", y, self.vocabulary_size)

    # For the rest of the package

    def read_tokens(self, token_ids):
        """Reads texts for `encode_texts`: returns the decoder's outputs and the mask."""
        return self.network.read(token_ids)
