"""What masked pretraining brings a TextClassifier: with it and without, few labels and many.

    python benchmarks/pretraining.py train.tsv val.tsv --unlabelled other.tsv --minutes 15

The files hold a text, a tab and a label a line. A MaskedLanguageModel learns from the texts of
train.tsv and of the others, without labels, for the minutes given: from their pieces, each of a
dozen characters or more, and whether one follows the other. Then classifiers of the same form are
trained with the labels of so many texts, from the pretrained encoder and from one that has learned
nothing, with each learning rate; each mean is over the seeds. The baseline is that of classify.py.
"""

import argparse
import itertools
import math
import re
import statistics
import time

import keras
from classify import train_baseline
from cores import add_threads_argument, restrict_threads
from minutes import StopInTime

import seq2seq
from seq2seq.callbacks import WarmUp


def parse_arguments() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", help="file of pairs")
    parser.add_argument("validation", help="file of pairs")
    parser.add_argument("--unlabelled", nargs="*", default=[], help="more texts, files of pairs")
    parser.add_argument("--labelled", type=int, nargs="+", default=[500], help="labels used (500)")
    parser.add_argument("--minutes", type=float, default=15.0, help="of pretraining (15)")
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--num-layers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=10, help="of a classifier of few labels (10)")
    parser.add_argument("--updates", type=int, default=2000, help="of a classifier, about at most")
    rates = [3e-4, 1e-3]
    parser.add_argument("--learning-rates", type=float, nargs="+", default=rates, metavar="RATE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--output", help="file for the pretrained model")
    parser.add_argument("--pretrained", help="one that an earlier run has written")
    add_threads_argument(parser)
    return parser.parse_args()


def split_text(text: str, least: int = 12) -> list[str]:
    """Returns the pieces between punctuation marks, put together to so many characters or more."""
    pieces = [""]
    for piece in re.findall(r"[^。！？!?；;，,~…]*[。！？!?；;，,~…]*", text):
        if len(pieces[-1]) >= least:
            pieces.append("")
        pieces[-1] += piece
    if len(pieces) > 1 and len(pieces[-1]) < least:
        pieces[-2:] = ["".join(pieces[-2:])]
    return pieces


def pretrain(options, texts: list[str], validation: list[str]) -> seq2seq.MaskedLanguageModel:
    """Returns a model that has learned from texts alone."""
    if options.pretrained:
        return seq2seq.load_model(options.pretrained)
    keras.utils.set_random_seed(1)
    tokenizer = seq2seq.CharTokenizer(min_frequency=2, lowercase=True).adapt(texts)
    model = seq2seq.MaskedLanguageModel(
        tokenizer,
        units=options.units,
        num_layers=options.num_layers,
        feedforward_units=4 * options.units,
        norm_first=True,
        positions="rotary",
        max_length=256,
    )
    model.fit(
        list(map(split_text, texts)),
        batch_size=32,
        epochs=1000,
        validation_data=list(map(split_text, validation)),
        callbacks=[StopInTime(1e-3, options.minutes)],
        seed=1,
        verbose=2,
    )
    if options.output:
        model.save(options.output)
    return model


def accuracy(options, tokenizer, encoder, train, validation, rate: float, seed: int) -> float:
    """Returns the accuracy of a classifier that begins with an encoder."""
    keras.utils.set_random_seed(seed)
    classifier = seq2seq.TextClassifier(tokenizer, sorted(set(train[1])), encoder=encoder)
    batches = math.ceil(len(train[0]) / 16)
    epochs = max(3, min(options.epochs, math.ceil(options.updates / batches)))
    updates = epochs * batches
    classifier.fit(
        *train,
        batch_size=16,
        epochs=epochs,
        callbacks=[WarmUp(rate, updates // 10, "cosine", updates)],
        verbose=0,
    )
    return classifier.evaluate(*validation)["accuracy"]


def main() -> None:
    """Pretrains, trains every classifier, and prints the table."""
    options = parse_arguments()
    restrict_threads(options.threads)
    (texts, labels), validation = map(seq2seq.read_pairs, (options.train, options.validation))
    others = [text for path in options.unlabelled for text in seq2seq.read_pairs(path)[0]]
    print(f"{len(texts):,} texts and {len(others):,} others to pretrain on")
    model = pretrain(options, texts + others, validation[0])
    encoders = {"pretrained": model, "nothing learned": model.options.to_dict()}
    print(f"{'':<34}{'accuracy':>10}{'by seed':>24}{'minutes':>10}")
    for count in options.labelled:
        train = texts[:count], labels[:count]
        name = f"{len(train[0])} labels"
        for rate, (kind, encoder) in itertools.product(options.learning_rates, encoders.items()):
            start = time.perf_counter()
            found = [
                accuracy(options, model.tokenizer, encoder, train, validation, rate, seed)
                for seed in options.seeds
            ]
            minutes = (time.perf_counter() - start) / 60 / len(found)
            show(f"{name}, {kind}, {rate:g}", found, minutes)
        report = train_baseline(*train)(*validation)
        show(f"{name}, TF-IDF", [report["accuracy"]])


def show(name: str, found: list[float], minutes: float = 0.0) -> None:
    """Prints a line of the table."""
    each = " ".join(f"{value:.1%}" for value in found)
    print(f"{name:<34}{statistics.mean(found):>10.2%}{each:>24}{minutes:>10.1f}", flush=True)


if __name__ == "__main__":
    main()
