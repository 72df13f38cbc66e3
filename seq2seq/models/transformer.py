"""Transformer, the encoder-decoder of attention alone."""

import keras

from seq2seq.models.encoder_decoder import EncoderDecoderModel
from seq2seq.models.parts import Part
from seq2seq.networks.options import TransformerOptions
from seq2seq.networks.transformer import TransformerEncoderDecoder
from seq2seq.text.tokenizers import Tokenizer


@keras.saving.register_keras_serializable(package="seq2seq")
class Transformer(EncoderDecoderModel):
    """An encoder-decoder of attention (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762).

    It takes the place of a `Seq2Seq`: the same `fit`, `generate`, samplers, details, file and
    command line. It is a functional `keras.Model` of named layers, already compiled, with inputs
    `source_ids` and `target_ids` and softmax probabilities as output.

    Args:
        source: Tokenizer of the sources, adapted; or the size of their vocabulary, special ids
            included, for a model of ids.
        target: The same for the targets.
        units: Size of embeddings and blocks. Defaults to 256.
        num_layers: Blocks in the encoder and in the decoder. Defaults to 4.
        num_heads: Heads of each attention, which share the units. Defaults to 4.
        feedforward_units: Size of the hidden layer of each block. Defaults to 1024.
        dropout: Dropout rate on the embeddings and on the output of each part. Defaults to 0.1.
        attention_dropout: Dropout rate on the weights of attention, which the paper has not, but
            GPT-2 and BERT have. Defaults to 0.
        norm_first: Whether each part normalises its input (Xiong et al. 2020,
            https://arxiv.org/abs/2002.04745), not its sum, as in the paper. Defaults to `True`.
        positions: `"sinusoidal"`, `"learned"` or `"rotary"` (Su et al. 2021,
            https://arxiv.org/abs/2104.09864). Defaults to `"sinusoidal"`.
        activation: Of the hidden layers: `"relu"`, `"gelu"`, `"gelu_tanh"` (as GPT-2 has it) or
            `"silu"`. Defaults to `"relu"`.
        norm_epsilon: Added to the variances that a normalisation divides by. Defaults to 1e-6.
        share_embeddings: Whether both sides share one embedding, which needs one vocabulary.
            Defaults to `False`.
        tie_output: Whether to tie the output layer to the target embedding (Press & Wolf 2017,
            https://aclanthology.org/E17-2025). Defaults to `False`.
        label_smoothing: See `Seq2Seq`. Defaults to 0.
        max_source_length: Maximum length of a source row made from a text, in tokens including
            `EOS`; longer texts are cut. Defaults to 200.
        max_target_length: The same for the targets. Defaults to 200.
        precision: See `Seq2Seq`. Defaults to `"auto"`.
        name: Name of the model. Defaults to `"transformer"`.

    Call arguments:
        inputs: As those of `Seq2Seq`.

    Returns:
        float32 `(batch, target_length, target_vocabulary)`.

    Raises:
        ValueError: If an argument is out of range, two conflict, or a tokenizer was never adapted.

    Example:

    >>> source = seq2seq.WordTokenizer().adapt(["good morning", "good night"])
    >>> target = seq2seq.CharTokenizer().adapt(["早上好", "晚安"])
    >>> model = seq2seq.Transformer(source, target, units=32, num_layers=1, feedforward_units=64)
    >>> pairs = ["good morning", "good night"], ["早上好", "晚安"]
    >>> history = model.fit(*pairs, epochs=60, verbose=0)
    >>> model.generate("good night")
    '晚安'
    """

    options_type = TransformerOptions
    network_type = TransformerEncoderDecoder

    def __init__(
        self,
        source: Tokenizer | int,
        target: Tokenizer | int,
        units: int = 256,
        num_layers: int = 4,
        num_heads: int = 4,
        feedforward_units: int = 1024,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        norm_first: bool = True,
        positions: str = "sinusoidal",
        activation: str = "relu",
        norm_epsilon: float = 1e-6,
        share_embeddings: bool = False,
        tie_output: bool = False,
        label_smoothing: float = 0.0,
        max_source_length: int = 200,
        max_target_length: int = 200,
        precision: str = "auto",
        name: str = "transformer",
    ):
        options = TransformerOptions(
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
            share_embeddings=share_embeddings,
            tie_output=tie_output,
            label_smoothing=label_smoothing,
            max_source_length=max_source_length,
            max_target_length=max_target_length,
            precision=precision,
        )
        super().__init__(source, target, options, name)

    def parts(self) -> dict[str, Part]:
        """Returns the parts that `copy_weights` can copy."""
        encoder, decoder = self.encoder, self.decoder
        source, target = self.sides["source"], self.sides["target"]
        factor = encoder.position_embedding.factor(self.units)
        return {
            "encoder": Part(encoder.embedding, encoder.layers, None, source, factor),
            "decoder": Part(decoder.embedding, decoder.layers, decoder.dense, target, factor),
        }
