"""Seq2Seq, the recurrent encoder-decoder."""

from pathlib import Path

import keras

from seq2seq.layers.embedding import load_vectors
from seq2seq.models.encoder_decoder import EncoderDecoderModel
from seq2seq.models.parts import Part
from seq2seq.networks.options import EncoderDecoderOptions
from seq2seq.networks.recurrent import RecurrentEncoderDecoder
from seq2seq.text.tokenizers import Tokenizer


@keras.saving.register_keras_serializable(package="seq2seq")
class Seq2Seq(EncoderDecoderModel):
    """An encoder-decoder: a recurrent encoder's final states start a recurrent decoder.

    It is a functional `keras.Model` of named layers, already compiled, with inputs `source_ids` and
    `target_ids` and softmax probabilities as output. The architecture is that of Sutskever et al.
    2014 (https://arxiv.org/abs/1409.3215, section 2), without reversing the source.

    Args:
        source: Tokenizer of the sources, adapted; or the size of their vocabulary, special ids
            included, for a model of ids.
        target: The same for the targets.
        embedding_dim: Size of the embeddings. Defaults to 256.
        units: Size of each layer's states and outputs. Defaults to 256.
        num_layers: Recurrent layers in the encoder and in the decoder, with residual connections
            from the third (Wu et al. 2016, https://arxiv.org/abs/1609.08144, section 3.1). Defaults
            to 1.
        cell: `"lstm"` (Hochreiter & Schmidhuber 1997), `"gru"` (Cho et al. 2014,
            https://arxiv.org/abs/1406.1078) or `"rnn"` (Elman 1990). Defaults to `"lstm"`.
        bidirectional: Whether the encoder reads in both directions, with half of `units` each
            (Schuster & Paliwal 1997); a tanh layer maps their final states to each of the decoder's
            states. Defaults to `False`.
        attention: `None`, `"luong"` (multiplicative score, Luong et al. 2015,
            https://arxiv.org/abs/1508.04025) or `"bahdanau"` (additive score, Bahdanau et al. 2015,
            https://arxiv.org/abs/1409.0473). Either way the decoder's outputs are the queries and a
            tanh layer combines them with the context (Luong et al., section 3). Defaults to `None`.
        attention_score: For `"luong"`: `"dot"`, `"scaled"` (times a learned factor) or `"general"`
            (learned keys; Luong et al., equation 8). Defaults to `"dot"`.
        dropout: Dropout rate on the inputs of each layer and of the output layer (Zaremba et al.
            2014, https://arxiv.org/abs/1409.2329). Defaults to 0.
        recurrent_dropout: Dropout rate on the states, with one mask for all steps (Gal & Ghahramani
            2016, https://arxiv.org/abs/1512.05287). Slow on a GPU. Defaults to 0.
        l2: Factor of an L2 penalty on all kernels, added to the loss. Defaults to 0.
        share_embeddings: Whether both sides share one embedding, which needs one vocabulary.
            Defaults to `False`.
        tie_output: Whether to tie the output layer to the target embedding (Press & Wolf 2017,
            https://aclanthology.org/E17-2025). Defaults to `False`.
        label_smoothing: Share of each label's probability spread over the vocabulary in the loss
            (Szegedy et al. 2016, https://arxiv.org/abs/1512.00567, section 7). Defaults to 0.
        source_vectors: Path of word vectors of size `embedding_dim` to start from (word2vec or
            GloVe text format, plain or `.gz`; Mikolov et al. 2013). Defaults to `None`.
        target_vectors: The same for the targets. Defaults to `None`.
        train_source_embedding: Whether the source embedding is trained. Defaults to `True`.
        train_target_embedding: Whether the target embedding is trained. Defaults to `True`.
        max_source_length: Maximum length of a source row made from a text, in tokens including
            `EOS`; longer texts are cut. Defaults to 200.
        max_target_length: The same for the targets. Defaults to 200.
        precision: Data type of the matrix products in training: `"float32"`, `"bfloat16"` (weights,
            states and saved files are float32), or `"auto"`, the faster one on this processor for
            layers of this size. Outside training everything is float32. Defaults to `"auto"`.
        name: Name of the model. Defaults to `"seq2seq"`.

    Call arguments:
        inputs: `[source_ids, target_ids]` or a dict of these names: int32 `(batch, source_length)`
            and `(batch, target_length)`, padded on the right with 0. A source row ends with `EOS`
            (3), a target row starts with `BOS` (2) and contains no `EOS`.

    Returns:
        float32 `(batch, target_length, target_vocabulary)`.

    Raises:
        ValueError: If an argument is out of range, two conflict, or a tokenizer was never adapted.

    Example:

    >>> source = seq2seq.WordTokenizer().adapt(["good morning", "good night"])
    >>> target = seq2seq.CharTokenizer().adapt(["早上好", "晚安"])
    >>> model = seq2seq.Seq2Seq(source, target, units=64, attention="luong")
    >>> pairs = ["good morning", "good night"], ["早上好", "晚安"]
    >>> history = model.fit(*pairs, epochs=60, verbose=0)
    >>> model.generate("good night")
    '晚安'
    """

    options_type = EncoderDecoderOptions
    network_type = RecurrentEncoderDecoder

    def __init__(
        self,
        source: Tokenizer | int,
        target: Tokenizer | int,
        embedding_dim: int = 256,
        units: int = 256,
        num_layers: int = 1,
        cell: str = "lstm",
        bidirectional: bool = False,
        attention: str | None = None,
        attention_score: str = "dot",
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        l2: float = 0.0,
        share_embeddings: bool = False,
        tie_output: bool = False,
        label_smoothing: float = 0.0,
        source_vectors: str | Path | None = None,
        target_vectors: str | Path | None = None,
        train_source_embedding: bool = True,
        train_target_embedding: bool = True,
        max_source_length: int = 200,
        max_target_length: int = 200,
        precision: str = "auto",
        name: str = "seq2seq",
    ):
        options = EncoderDecoderOptions(
            embedding_dim=embedding_dim,
            units=units,
            num_layers=num_layers,
            cell=cell,
            bidirectional=bidirectional,
            attention=attention,
            attention_score=attention_score,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            l2=l2,
            share_embeddings=share_embeddings,
            tie_output=tie_output,
            label_smoothing=label_smoothing,
            train_source_embedding=train_source_embedding,
            train_target_embedding=train_target_embedding,
            max_source_length=max_source_length,
            max_target_length=max_target_length,
            precision=precision,
        )
        if share_embeddings:
            _check_vectors(source_vectors, target_vectors)
        super().__init__(source, target, options, name)
        load_vectors("source", self.encoder.embedding, self.source_tokenizer, source_vectors)
        load_vectors("target", self.decoder.embedding, self.target_tokenizer, target_vectors)

    def parts(self) -> dict[str, Part]:
        """Returns the parts that `copy_weights` can copy."""
        encoder, decoder = self.encoder, self.decoder
        return {
            "encoder": Part(encoder.embedding, encoder.stack.layers, None, self.sides["source"]),
            "decoder": Part(
                decoder.embedding, decoder.stack.layers, decoder.output, self.sides["target"]
            ),
        }


def _check_vectors(source_vectors, target_vectors):
    """Raises a `ValueError` for two files of vectors where there is one embedding."""
    if source_vectors is not None and target_vectors is not None:
        raise ValueError(
            "Expected `source_vectors` or `target_vectors` with share_embeddings=True, because "
            f"there is one embedding. Received both: {source_vectors} and {target_vectors}."
        )
