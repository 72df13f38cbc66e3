"""Perplexity of a character under recurrent models, beside 5-grams with Kneser-Ney smoothing.

    python benchmarks/perplexity.py train.tsv val.tsv

The files hold pairs of lines that follow each other, of poems for one. A `LanguageModel` reads each
pair as running text, a `Seq2Seq` predicts the second line from the first. The n-grams, trained on
the same running text, are asked for both. The end of a text counts as a character; a character seen
but once in training is `[UNK]` for all of them.
"""

import argparse
import math
import time

import keras

import seq2seq
from seq2seq.callbacks import WarmUp

SEPARATOR = "，"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", help="file of pairs")
    parser.add_argument("validation", help="file of pairs")
    parser.add_argument("--embedding-dim", type=int, default=256)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--order", type=int, default=5, help="of the n-grams (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def fit(options, model, pairs, validation):
    """Trains a model with a learning rate that falls to nothing."""
    count = len(pairs[0])
    updates = options.epochs * math.ceil(count / options.batch_size)
    model.fit(
        *pairs,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=validation,
        callbacks=[WarmUp(options.learning_rate, min(500, updates // 2), "cosine", updates)],
        verbose=2,
    )


def running_text(sources, targets):
    return [source + SEPARATOR + target for source, target in zip(sources, targets, strict=True)]


def main():
    options = parse_arguments()
    train = seq2seq.read_pairs(options.train)
    validation = seq2seq.read_pairs(options.validation)
    keras.utils.set_random_seed(options.seed)
    tokenizer = seq2seq.CharTokenizer(min_frequency=2).adapt(running_text(*train))
    shape = {name: getattr(options, name) for name in ("embedding_dim", "units", "dropout")}
    texts = running_text(*validation)

    ngrams = seq2seq.NGramModel(tokenizer, options.order).fit(running_text(*train))
    before = [tokenizer.encode(source + SEPARATOR) for source in validation[0]]
    answer_length = sum(len(target) + 1 for target in validation[1])
    answer_score = ngrams.score(texts).sum() - ngrams.score(before).sum()

    start = time.perf_counter()
    language_model = seq2seq.LanguageModel(tokenizer, **shape)
    fit(options, language_model, [running_text(*train)], texts)
    minutes = [(time.perf_counter() - start) / 60]
    start = time.perf_counter()
    model = seq2seq.Seq2Seq(tokenizer, tokenizer, attention="luong", **shape)
    fit(options, model, train, validation)
    minutes.append((time.perf_counter() - start) / 60)

    print(f"{len(train[0]):,} pairs, {len(tokenizer.vocabulary):,} characters")
    print(f"{'perplexity of a character':<28}{'recurrent':>10}{'n-grams':>10}{'minutes':>10}")
    for name, recurrent, baseline, spent in (
        ("running text", language_model.perplexity(texts), ngrams.perplexity(texts), minutes[0]),
        (
            "next line, given the first",
            math.exp(-model.score(*validation).sum() / answer_length),
            math.exp(-answer_score / answer_length),
            minutes[1],
        ),
    ):
        print(f"{name:<28}{recurrent:>10.1f}{baseline:>10.1f}{spent:>10.1f}")


if __name__ == "__main__":
    main()
