"""Perplexity of a character under neural models, beside 5-grams with Kneser-Ney smoothing.

    python benchmarks/perplexity.py train.tsv val.tsv
    python benchmarks/perplexity.py train.tsv val.tsv --architecture transformer --minutes 20

The files hold pairs of lines that follow each other, of poems for one. A `LanguageModel` reads each
pair as running text, a `Seq2Seq` predicts the second line from the first; with `--architecture
transformer` a `TransformerLanguageModel` and a `Transformer`. The n-grams, trained on the same
running text, are asked for both. The end of a text counts as a character; a character seen
but once in training is `[UNK]` for all of them.
"""

import argparse
import math
import time

import keras
from cores import add_threads_argument, restrict_threads
from minutes import StopInTime

import seq2seq
from seq2seq.callbacks import WarmUp

SEPARATOR = "，"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", help="file of pairs")
    parser.add_argument("validation", help="file of pairs")
    parser.add_argument("--architecture", choices=("recurrent", "transformer"), default="recurrent")
    parser.add_argument("--embedding-dim", type=int, default=256, help="of the recurrent models")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--dropout", type=float, help="0.3; of a Transformer 0")
    parser.add_argument("--num-layers", type=int, default=2, help="of a Transformer (%(default)s)")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--minutes", type=float, help="for each model, instead of epochs")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--order", type=int, default=5, help="of the n-grams (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    add_threads_argument(parser)
    options = parser.parse_args()
    if options.dropout is None:
        options.dropout = {"recurrent": 0.3, "transformer": 0.0}[options.architecture]
    return options


def fit(options, model, pairs, validation):
    """Trains a model with a learning rate that falls to nothing; returns the minutes it took."""
    start, epochs = time.perf_counter(), options.epochs
    if options.minutes:
        schedule, epochs = StopInTime(options.learning_rate, options.minutes), 1000
    else:
        updates = epochs * math.ceil(len(pairs[0]) / options.batch_size)
        schedule = WarmUp(options.learning_rate, min(500, updates // 2), "cosine", updates)
    model.fit(
        *pairs,
        batch_size=options.batch_size,
        epochs=epochs,
        validation_data=validation,
        callbacks=[schedule],
        verbose=2,
    )
    return (time.perf_counter() - start) / 60


def make_models(options, tokenizer):
    """Returns a language model and an encoder-decoder."""
    if options.architecture == "recurrent":
        shape = {name: getattr(options, name) for name in ("embedding_dim", "units", "dropout")}
        pairs = seq2seq.Seq2Seq(tokenizer, tokenizer, attention="luong", **shape)
        return seq2seq.LanguageModel(tokenizer, **shape), pairs
    shape = {name: getattr(options, name) for name in ("units", "num_layers", "dropout")}
    shape |= {"feedforward_units": 2 * options.units, "positions": "rotary"}
    pairs = seq2seq.Transformer(
        tokenizer, tokenizer, share_embeddings=True, tie_output=True, **shape
    )
    return seq2seq.TransformerLanguageModel(tokenizer, **shape), pairs


def running_text(sources, targets):
    return [source + SEPARATOR + target for source, target in zip(sources, targets, strict=True)]


def main():
    options = parse_arguments()
    restrict_threads(options.threads)
    train = seq2seq.read_pairs(options.train)
    validation = seq2seq.read_pairs(options.validation)
    keras.utils.set_random_seed(options.seed)
    tokenizer = seq2seq.CharTokenizer(min_frequency=2).adapt(running_text(*train))
    texts = running_text(*validation)

    ngrams = seq2seq.NGramModel(tokenizer, options.order).fit(running_text(*train))
    before = [tokenizer.encode(source + SEPARATOR) for source in validation[0]]
    answer_length = sum(len(target) + 1 for target in validation[1])
    answer_score = ngrams.score(texts).sum() - ngrams.score(before).sum()

    language_model, model = make_models(options, tokenizer)
    minutes = [
        fit(options, language_model, [running_text(*train)], texts),
        fit(options, model, train, validation),
    ]

    print(f"{len(train[0]):,} pairs, {len(tokenizer.vocabulary):,} characters")
    print(
        f"{'perplexity of a character':<28}{options.architecture:>12}{'n-grams':>10}{'minutes':>10}"
    )
    for name, neural, baseline, spent in (
        ("running text", language_model.perplexity(texts), ngrams.perplexity(texts), minutes[0]),
        (
            "next line, given the first",
            math.exp(-model.score(*validation).sum() / answer_length),
            math.exp(-answer_score / answer_length),
            minutes[1],
        ),
    ):
        print(f"{name:<28}{neural:>12.1f}{baseline:>10.1f}{spent:>10.1f}")


if __name__ == "__main__":
    main()
