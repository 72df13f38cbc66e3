"""From the arguments of `Seq2Seq` to its encoder and decoder."""

import functools

import keras

from seq2seq.checks import check_number, check_whole
from seq2seq.models.attention import SCORES, AttentionHead
from seq2seq.models.embedding import TiedEmbedding
from seq2seq.models.recurrent import CELLS, Bridge, Decoder, Encoder, Stack

FLAGS = (
    "bidirectional",
    "share_embeddings",
    "tie_output",
    "train_source_embedding",
    "train_target_embedding",
)


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
    check_options(source_size, target_size, options)
    units, cell, num_layers = options["units"], options["cell"], options["num_layers"]
    regularizer = keras.regularizers.L2(options["l2"]) if options["l2"] else None
    bidirectional = options["bidirectional"]

    def stack(side, bidirectional=False):
        return Stack(
            side,
            cell,
            units,
            num_layers,
            bidirectional,
            options["dropout"],
            options["recurrent_dropout"],
            regularizer,
        )

    target_embedding = _embedding("target", target_size, options)
    source_embedding = (
        target_embedding
        if options["share_embeddings"]
        else _embedding("source", source_size, options)
    )
    decoder_stack = stack("decoder")
    bridge = attention = None
    if bidirectional:
        bridge = Bridge(units, num_layers, decoder_stack.states_per_layer, regularizer)
    if options["attention"]:
        attention = AttentionHead(
            options["attention"], options["attention_score"], units, regularizer
        )
    encoder = Encoder(source_embedding, stack("encoder", bidirectional), bridge, attention)
    decoder = Decoder(
        target_embedding,
        decoder_stack,
        attention,
        options["dropout"],
        _output(target_embedding, target_size, options, regularizer),
    )
    return encoder, decoder


def check_options(source_size: int, target_size: int, options: dict) -> None:
    """Raises a `ValueError` for an option out of range, or two that exclude each other."""
    for name in ("embedding_dim", "units", "num_layers"):
        check_whole(name, options[name])
    for name, known in (
        ("cell", tuple(CELLS)),
        ("attention", (None, "luong", "bahdanau")),
        ("attention_score", SCORES),
    ):
        if options[name] not in known:
            raise ValueError(
                f"Expected `{name}` to be one of {', '.join(map(repr, known))}. "
                f"Received: {name}={options[name]!r}."
            )
    for name in FLAGS:
        if not isinstance(options[name], bool):
            raise ValueError(
                f"Expected `{name}` to be True or False. Received: {name}={options[name]!r}."
            )
    for name in ("dropout", "recurrent_dropout", "label_smoothing"):
        check_number(name, options[name], "[0, 1)")
    check_number("l2", options["l2"], "[0, inf)")
    if options["attention_score"] != "dot" and options["attention"] != "luong":
        raise ValueError(
            f'Expected attention="luong" with attention_score={options["attention_score"]!r}, for '
            f"only it has such scores. Received: attention={options['attention']!r}."
        )
    if options["bidirectional"] and options["units"] % 2:
        raise ValueError(
            "Expected an even `units` with bidirectional=True, half for each direction. "
            f"Received: units={options['units']}."
        )
    if options["tie_output"] and options["embedding_dim"] != options["units"]:
        raise ValueError(
            "Expected `embedding_dim` equal to `units` with tie_output=True, for the output layer "
            f"is the embedding. Received: embedding_dim={options['embedding_dim']}, "
            f"units={options['units']}."
        )
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


def _embedding(side, size, options):
    tied = options["tie_output"] and (side == "target" or options["share_embeddings"])
    # Keras's embeddings are so small that tokens look alike for many updates. Of variance 1 they
    # tell tokens apart from the first one. The few of an alphabet are in every batch and learned
    # soon: smaller ones generalise better there. What is also an output layer must start small.
    stddev = min(1.0, size / 40)
    return (TiedEmbedding if tied else keras.layers.Embedding)(
        size,
        options["embedding_dim"],
        "uniform" if tied else keras.initializers.RandomNormal(stddev=stddev),
        trainable=options[f"train_{side}_embedding"],
        name="embedding" if options["share_embeddings"] else f"{side}_embedding",
    )


def _output(embedding, size, options, regularizer):
    """Returns the layer from the decoder's output to scores of the vocabulary."""
    if options["tie_output"]:
        return functools.partial(embedding, reverse=True)
    return keras.layers.Dense(size, kernel_regularizer=regularizer, name="decoder_output")
