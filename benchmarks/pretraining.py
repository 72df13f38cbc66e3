"""What masked pretraining brings a TextClassifier: with it and without, few labels and many.

    python benchmarks/pretraining.py train.tsv val.tsv --unlabelled other.tsv --minutes 15

The files hold a text, a tab and a label a line. A MaskedLanguageModel learns from the texts of
train.tsv and of the others, without labels, for the minutes given. Then classifiers of the same
form are trained with the labels of so many texts, from the pretrained encoder and from one that has
learned nothing; each mean is over the seeds. The baseline is that of classify.py.
"""

import argparse
import math
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
    parser.add_argument("--updates", type=int, default=200, help="of a classifier at least (200)")
    parser.add_argument("--learning-rate", type=float, default=3e-4, help="of classifiers (3e-4)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--output", help="file for the pretrained model")
    parser.add_argument("--pretrained", help="one that an earlier run has written")
    add_threads_argument(parser)
    return parser.parse_args()


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
        texts,
        batch_size=32,
        epochs=1000,
        validation_data=validation,
        callbacks=[StopInTime(1e-3, options.minutes)],
        seed=1,
        verbose=2,
    )
    if options.output:
        model.save(options.output)
    return model


def accuracy(options, tokenizer, encoder, train, validation, seed: int) -> float:
    """Returns the accuracy of a classifier that begins with an encoder."""
    keras.utils.set_random_seed(seed)
    classifier = seq2seq.TextClassifier(tokenizer, sorted(set(train[1])), encoder=encoder)
    batches = math.ceil(len(train[0]) / 16)
    epochs = max(3, min(options.epochs, math.ceil(10 * options.updates / batches)))
    updates = epochs * batches
    classifier.fit(
        *train,
        batch_size=16,
        epochs=epochs,
        callbacks=[WarmUp(options.learning_rate, updates // 10, "cosine", updates)],
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
    lines = []
    for count in options.labelled:
        train = texts[:count], labels[:count]
        for name, encoder in encoders.items():
            start, found = time.perf_counter(), []
            for seed in options.seeds:
                found.append(accuracy(options, model.tokenizer, encoder, train, validation, seed))
            minutes = (time.perf_counter() - start) / 60 / len(found)
            each = " ".join(f"{value:.1%}" for value in found)
            lines.append((f"{len(train[0])} labels, {name}", statistics.mean(found), each, minutes))
        report = train_baseline(*train)(*validation)
        lines.append((f"{len(train[0])} labels, TF-IDF", report["accuracy"], "", 0.0))
    print(f"{'':<34}{'accuracy':>10}{'by seed':>24}{'minutes':>10}")
    for name, mean, each, minutes in lines:
        print(f"{name:<34}{mean:>10.2%}{each:>24}{minutes:>10.1f}")


if __name__ == "__main__":
    main()
