"""Learns small talk by heart: a turn in, an answer out. At a terminal you can then talk to it.

Without arguments: the package `chatterbot-corpus` in English. In Chinese, or your own:

    python examples/chatbot.py --language chinese
    python examples/chatbot.py --data turns.tsv
"""

import argparse
import sys

import keras

import seq2seq
from seq2seq.callbacks import ShowSamples
from seq2seq.checks import check_model_path


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="file of pairs: turn, tab, answer")
    parser.add_argument("--language", default="english", help="of chatterbot-corpus")
    parser.add_argument("--limit", type=int, help="use only the first pairs")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="chatbot.keras")
    return parser.parse_args()


def make_model(options, turns, answers):
    # So little data teaches no grammar: the model learns the answers, and to match a turn to one.
    tokenizer = seq2seq.JiebaTokenizer if options.language == "chinese" else seq2seq.WordTokenizer
    model = seq2seq.Seq2Seq(
        tokenizer(lowercase=True).adapt(turns),
        tokenizer().adapt(answers),
        units=options.units,
        attention="luong",
    )
    model.optimizer.learning_rate = options.learning_rate
    return model


def main():
    options = parse_arguments()
    keras.utils.set_random_seed(options.seed)
    try:
        check_model_path(options.output)
        if options.data:
            pairs = seq2seq.read_pairs(options.data)
        else:
            pairs = seq2seq.datasets.conversations(options.language)
        turns, answers = (side[: options.limit] for side in pairs)
        model = make_model(options, turns, answers)
    except (ValueError, ImportError) as error:
        sys.exit(f"chatbot.py: {error}")
    samples = slice(0, len(turns), max(1, len(turns) // 3))
    model.fit(
        turns,
        answers,
        batch_size=options.batch_size,
        epochs=options.epochs,
        callbacks=[ShowSamples(turns[samples], every=5)],
    )
    model.save(options.output)
    print(f"Saved {options.output}. Talk to it (Ctrl-D ends):")
    try:
        while turn := input("> "):
            print(model.generate(turn))
    except (EOFError, KeyboardInterrupt):
        print()


if __name__ == "__main__":
    main()
