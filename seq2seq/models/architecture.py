"""From the arguments of `Seq2Seq` to its encoder and decoder."""

import functools

import keras

from seq2seq.checks import check_number, check_whole
from seq2seq.models.attention import SCORES, AttentionHead
from seq2seq.models.dense import Dense
from seq2seq.models.embedding import NGramEmbedding, SummedEmbedding, TiedEmbedding
from seq2seq.models.precision import PRECISIONS, training_dtype
from seq2seq.models.recurrent import CELLS, Bridge, Decoder, Encoder, Stack

FLAGS = {
    "bidirectional",
    "share_embeddings",
    "tie_output",
    "train_source_embedding",
    "train_target_embedding",
    "tie_embeddings",
    "train_embedding",
}
CHOICES = {
    "cell": tuple(CELLS),
    "attention": (None, "luong", "bahdanau"),
    "attention_score": SCORES,
    "precision": PRECISIONS,
}


def build_encoder_decoder(source_size: int, target_size: int, options: dict):
    """Makes the layers of an encoder and a decoder.

    Args:
        source_size: Size of the source vocabulary.
        target_size: Size of the target vocabulary.
        options: The arguments of `Seq2Seq` that shape it, by name.

    Returns:
        Tuple `(encoder, decoder)`.

    Raises:
        ValueError: If an option is out of range or two exclude each other.
    """
    check_options(options)
    _check_combinations(source_size, target_size, options)
    units, num_layers, tied = options["units"], options["num_layers"], options["tie_output"]
    shared, regularizer = options["share_embeddings"], _regularizer(options)
    target_embedding = source_embedding = _embedding(
        target_size,
        options,
        tied,
        options["train_target_embedding"],
        "embedding" if shared else "target_embedding",
    )
    if not shared:
        source_embedding = _embedding(
            source_size, options, False, options["train_source_embedding"], "source_embedding"
        )
    decoder_stack = _stack("decoder", options)
    bridge = attention = None
    if options["bidirectional"]:
        bridge = Bridge(units, num_layers, decoder_stack.states_per_layer, regularizer)
    if options["attention"]:
        attention = AttentionHead(
            options["attention"],
            options["attention_score"],
            units,
            regularizer,
            options["precision"],
        )
    encoder_stack = _stack("encoder", options, options["bidirectional"])
    encoder = Encoder(source_embedding, encoder_stack, bridge, attention)
    output = _output(target_embedding, target_size, options, tied)
    decoder = Decoder(target_embedding, decoder_stack, attention, options["dropout"], output)
    return encoder, decoder


def build_encoder(size: int, options: dict) -> Encoder:
    """Makes the layers of an encoder without a decoder, of a classifier.

    Args:
        size: Size of the vocabulary.
        options: The arguments of `TextClassifier` that shape it, by name.

    Returns:
        An `Encoder`, to be asked to `read`.

    Raises:
        ValueError: If an option is out of range or two exclude each other.
    """
    check_options(options)
    check_whole("pair_buckets", options["pair_buckets"], 0)
    _check_halves(options)
    # Small: what is pooled of them goes straight to the output.
    initializer, dim = keras.initializers.RandomNormal(stddev=0.1), options["embedding_dim"]
    embedding = keras.layers.Embedding(
        size, dim, initializer, trainable=options["train_embedding"], name="embedding"
    )
    pairs = None
    if options["pair_buckets"]:
        pairs = NGramEmbedding(options["pair_buckets"], dim, initializer, name="pair_embedding")
    embedding = SummedEmbedding(embedding, pairs)
    return Encoder(embedding, _stack("encoder", options, options["bidirectional"]))


def build_decoder(size: int, options: dict) -> Decoder:
    """Makes the layers of a decoder without an encoder, a language model.

    Args:
        size: Size of the vocabulary.
        options: The arguments of `LanguageModel` that shape it, by name.

    Returns:
        A `Decoder` without attention.

    Raises:
        ValueError: If an option is out of range or two exclude each other.
    """
    check_options(options)
    tied = options["tie_embeddings"]
    if tied:
        _check_tied("tie_embeddings", options)
    embedding = _embedding(size, options, tied, options["train_embedding"], "embedding")
    output = _output(embedding, size, options, tied)
    return Decoder(embedding, _stack("decoder", options), None, options["dropout"], output)


def check_options(options: dict) -> None:
    """Raises a `ValueError` for an option out of range."""
    for name in ("embedding_dim", "units", "num_layers"):
        check_whole(name, options[name])
    for name, known in CHOICES.items():
        if options.get(name, known[0]) not in known:
            raise ValueError(
                f"Expected `{name}` to be one of {', '.join(map(repr, known))}. "
                f"Received: {name}={options[name]!r}."
            )
    for name in FLAGS & options.keys():
        if not isinstance(options[name], bool):
            raise ValueError(
                f"Expected `{name}` to be True or False. Received: {name}={options[name]!r}."
            )
    for name in ("dropout", "recurrent_dropout", "label_smoothing"):
        check_number(name, options[name], "[0, 1)")
    check_number("l2", options["l2"], "[0, inf)")


def _check_combinations(source_size, target_size, options):
    """Raises a `ValueError` for options of `Seq2Seq` that exclude each other."""
    if options["attention_score"] != "dot" and options["attention"] != "luong":
        raise ValueError(
            f'Expected attention="luong" with attention_score={options["attention_score"]!r}, for '
            f"only it has such scores. Received: attention={options['attention']!r}."
        )
    _check_halves(options)
    if options["tie_output"]:
        _check_tied("tie_output", options)
    if options["share_embeddings"] and source_size != target_size:
        raise ValueError(
            "Expected one vocabulary for both sides with share_embeddings=True. Received sizes "
            f"{source_size} and {target_size}. Pass the same tokenizer, adapted on both, twice."
        )
    trained = options["train_source_embedding"], options["train_target_embedding"]
    if options["share_embeddings"] and trained[0] != trained[1]:
        raise ValueError(
            "Expected `train_source_embedding` equal to `train_target_embedding` with "
            f"share_embeddings=True, for they are one. Received: {trained[0]} and {trained[1]}."
        )


def _check_halves(options):
    if options["bidirectional"] and options["units"] % 2:
        raise ValueError(
            "Expected an even `units` with bidirectional=True, half for each direction. "
            f"Received: units={options['units']}."
        )


def _check_tied(name, options):
    if options["embedding_dim"] != options["units"]:
        raise ValueError(
            f"Expected `embedding_dim` equal to `units` with {name}=True, for the output layer "
            f"is the embedding. Received: embedding_dim={options['embedding_dim']}, "
            f"units={options['units']}."
        )


def _regularizer(options):
    return keras.regularizers.L2(options["l2"]) if options["l2"] else None


def _stack(side, options, bidirectional=False):
    return Stack(
        side,
        options["cell"],
        options["units"],
        options["num_layers"],
        bidirectional,
        options["dropout"],
        options["recurrent_dropout"],
        _regularizer(options),
        options["precision"],
    )


def _embedding(size, options, tied, trainable, name):
    # Keras's embeddings are so small that tokens look alike for many updates. Of variance 1 they
    # tell tokens apart from the first one. The few of an alphabet are in every batch and learned
    # soon: smaller ones generalise better there. What is also an output layer must start small.
    stddev = min(1.0, size / 40)
    dim = options["embedding_dim"]
    if tied:
        dtype = training_dtype(options["precision"], dim, size)
        return TiedEmbedding(size, dim, dtype, trainable=trainable, name=name)
    initializer = keras.initializers.RandomNormal(stddev=stddev)
    return keras.layers.Embedding(size, dim, initializer, trainable=trainable, name=name)


def _output(embedding, size, options, tied):
    """Returns the layer from the decoder's output to scores of the vocabulary."""
    if tied:
        return functools.partial(embedding, reverse=True)
    return Dense(
        size,
        training_dtype(options["precision"], options["units"], size),
        kernel_regularizer=_regularizer(options),
        name="decoder_output",
    )
