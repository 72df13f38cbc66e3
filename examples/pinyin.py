"""Learns to read Chinese phrases: characters in, pinyin out.

A character of several readings, such as 行 in 银行 and 行走, is told by its neighbours. Without
arguments: phrases of the package `pypinyin`. Your own:

    python examples/pinyin.py --data phrases.tsv --read 银行 行走
"""

import argparse
import sys

import keras

import seq2seq
from seq2seq.callbacks import ShowSamples
from seq2seq.checks import check_model_path
from seq2seq.evaluation import evaluate_model


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="file of pairs: phrase, tab, syllables with spaces between")
    parser.add_argument("--limit", type=int, help="use only the first pairs")
    parser.add_argument("--embedding-dim", type=int, default=128)
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--dropout", type=float, default=0.2)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="pinyin.keras")
    parser.add_argument("--read", nargs="+", default=["银行", "行走", "音乐", "快乐"])
    return parser.parse_args()


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
        pairs = seq2seq.read_pairs(options.data) if options.data else seq2seq.datasets.pinyin()
        pairs = [side[: options.limit] for side in pairs]
        train, validation, test = seq2seq.split_pairs(*pairs, 0.05, 0.05)
        model = make_model(options, train)
    except (ValueError, ImportError) as error:
        sys.exit(f"pinyin.py: {error}")
    print(f"{len(train[0])} phrases to train on, {len(test[0])} to test")

    model.fit(
        *train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=validation,
        callbacks=[ShowSamples(validation[0][:3], validation[1][:3])],
    )
    model.save(options.output)
    figures = evaluate_model(model, *test, metrics=["exact", "wer"])
    print(f"test phrases right {figures['exact']:.1%}, syllables wrong {figures['wer']:.1%}")
    print(f"Saved {options.output}. It reads:")
    for phrase in options.read:
        print(f"  {phrase} -> {model.generate(phrase)}")


if __name__ == "__main__":
    main()
