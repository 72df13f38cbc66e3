"""TransformerLanguageModel: the Transformer's decoder on its own."""

from collections.abc import Sequence

import keras
import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.padding import BATCH_SIZE, pad_batch
from seq2seq.models.next_token_model import NextTokenModel
from seq2seq.models.parts import Part
from seq2seq.networks.causal_transformer import CausalTransformer
from seq2seq.networks.options import TransformerLanguageModelOptions
from seq2seq.tasks.windows import overlapping_windows, sum_windows
from seq2seq.text.tokenizers import Tokenizer
from seq2seq.text.vocabulary import BOS, PAD
from seq2seq.training.metrics import row_log_probabilities


@keras.saving.register_keras_serializable(package="seq2seq")
class TransformerLanguageModel(NextTokenModel):
    """A language model of attention, in the form of GPT-2 (Radford et al. 2019).

    https://cdn.openai.com/better-language-models/language_models_are_unsupervised_multitask_learners.pdf

    It takes the place of a `LanguageModel`: the same `fit`, `generate`, samplers, file and command
    line. It is a functional `keras.Model`, already compiled, with input `token_ids` and softmax
    probabilities as output.

    Args:
        tokenizer: Tokenizer of the texts, adapted; or the size of the vocabulary, special ids
            included, for a model of ids.
        units: Size of embeddings and blocks. Defaults to 256.
        num_layers: Number of blocks. Defaults to 4.
        num_heads: See `Transformer`. Defaults to 4.
        feedforward_units: See `Transformer`. Defaults to 1024.
        dropout: See `Transformer`. Defaults to 0.1.
        attention_dropout: See `Transformer`. Defaults to 0.
        norm_first: See `Transformer`. Defaults to `True`.
        positions: See `Transformer`. Defaults to `"learned"`.
        activation: See `Transformer`. Defaults to `"gelu_tanh"`.
        norm_epsilon: See `Transformer`. Defaults to 1e-5.
        tie_embeddings: Whether to tie the output layer to the embedding (Press & Wolf 2017,
            https://aclanthology.org/E17-2025). Defaults to `True`.
        begin_prompts: Whether `generate` reads `BOS` before a prompt. GPT-2 does not, although its
            texts begin with it in training. Before an empty prompt it is always read. Defaults to
            `True`.
        label_smoothing: See `LanguageModel`. Defaults to 0.
        window: Maximum number of tokens that are read together, and of learned positions; longer
            texts are cut into windows of this length in training, and into overlapping ones in
            `score`. Defaults to 256.
        precision: See `Seq2Seq`. Defaults to `"auto"`.
        name: Name of the model. Defaults to `"transformer_language_model"`.

    Call arguments:
        inputs: As those of `LanguageModel`.

    Returns:
        float32 `(batch, length, vocabulary)`.

    Raises:
        ValueError: If an argument is out of range or the tokenizer was never adapted.

    Example:

    >>> tokenizer = seq2seq.CharTokenizer().adapt(["the cat sat", "the dog sat"])
    >>> model = seq2seq.TransformerLanguageModel(tokenizer, units=32, num_layers=1)
    >>> history = model.fit(["the cat sat", "the dog sat"], epochs=60, verbose=0)
    >>> model.generate("the d")
    'the dog sat'
    """

    options_type = TransformerLanguageModelOptions
    network_type = CausalTransformer

    def __init__(
        self,
        tokenizer: Tokenizer | int,
        units: int = 256,
        num_layers: int = 4,
        num_heads: int = 4,
        feedforward_units: int = 1024,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        norm_first: bool = True,
        positions: str = "learned",
        activation: str = "gelu_tanh",
        norm_epsilon: float = 1e-5,
        tie_embeddings: bool = True,
        begin_prompts: bool = True,
        label_smoothing: float = 0.0,
        window: int = 256,
        precision: str = "auto",
        name: str = "transformer_language_model",
    ):
        options = TransformerLanguageModelOptions(
            units=units,
            num_layers=num_layers,
            num_heads=num_heads,
            feedforward_units=feedforward_units,
            dropout=dropout,
            attention_dropout=attention_dropout,
            norm_first=norm_first,
            positions=positions,
            activation=activation,
            norm_epsilon=norm_epsilon,
            tie_embeddings=tie_embeddings,
            begin_prompts=begin_prompts,
            label_smoothing=label_smoothing,
            window=window,
            precision=precision,
        )
        super().__init__(tokenizer, options, name)

    def score(self, texts: Sequence, batch_size: int = BATCH_SIZE, verbose="auto") -> np.ndarray:
        """Scores given texts, of any length, with the model's log probabilities.

        A text longer than the window is read in windows that overlap by a half, so that each token
        is predicted from at least half a window.

        Args:
            texts: List, array or column of texts, or rows of ids ending with `EOS`.
            batch_size: Windows scored together. Defaults to 64.
            verbose: See `Seq2Seq.generate`. Defaults to `"auto"`.

        Returns:
            float32 `(len(texts),)`: sums over the text's tokens and `EOS`.

        Raises:
            ValueError: If they are no texts, or ids outside the vocabulary.
        """
        check_whole("batch_size", batch_size)
        rows = self.make_rows(texts)
        windows = [
            # Labels that were counted before are padding, which is not.
            (i, [BOS, *row][start:stop], [PAD] * (counted - start) + row[counted:stop])
            for i, row in enumerate(rows)
            for start, counted, stop in overlapping_windows(len(row), self.window)
        ]
        function = self.functions.get("score windows", self._score_windows)

        def score(read, labels):
            return np.asarray(function(pad_batch(read), pad_batch(labels)))

        return sum_windows(score, windows, len(rows), batch_size, verbose)

    def parts(self) -> dict[str, Part]:
        """Returns the parts that `copy_weights` can copy."""
        decoder = self.decoder
        side, factor = self.sides["tokenizer"], decoder.position_embedding.factor(self.units)
        return {"decoder": Part(decoder.embedding, decoder.layers, decoder.dense, side, factor)}

    def _score_windows(self, token_ids, labels):
        return row_log_probabilities(labels, self(token_ids, training=False))
