"""Accuracy and macro F1 of a TextClassifier, beside TF-IDF with logistic regression.

    python benchmarks/classify.py train.tsv val.tsv

The files hold a text, a tab and a label a line. The baseline is scikit-learn's: TF-IDF of character
1- to 3-grams seen twice or more, counts by their logarithm, and logistic regression with C=10.
"""

import argparse
import math
import time

import keras
from cores import add_threads_argument, restrict_threads

import seq2seq
from seq2seq.callbacks import WarmUp
from seq2seq.evaluation import classification_report

TOKENIZERS = {
    "char": seq2seq.CharTokenizer,
    "word": seq2seq.WordTokenizer,
    "jieba": seq2seq.JiebaTokenizer,
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("train", help="file of pairs")
    parser.add_argument("validation", help="file of pairs")
    parser.add_argument("--tokenizer", choices=TOKENIZERS, default="char")
    parser.add_argument("--label-smoothing", type=float, default=0.0)
    parser.add_argument("--dropout", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, default=1)
    add_threads_argument(parser)
    return parser.parse_args()


def train_classifier(options, texts, labels):
    keras.utils.set_random_seed(options.seed)
    tokenizer = TOKENIZERS[options.tokenizer](min_frequency=2, lowercase=True).adapt(texts)
    model = seq2seq.TextClassifier(
        tokenizer,
        sorted(set(labels)),
        dropout=options.dropout,
        label_smoothing=options.label_smoothing,
    )
    updates = options.epochs * math.ceil(len(texts) / options.batch_size)
    model.fit(
        texts,
        labels,
        batch_size=options.batch_size,
        epochs=options.epochs,
        callbacks=[WarmUp(options.learning_rate, min(100, updates // 2), "cosine", updates)],
        verbose=2,
    )
    return model.evaluate


def train_baseline(texts, labels):
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    names = sorted(set(labels))
    pipeline = make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    ).fit(texts, labels)

    def evaluate(texts, labels):
        predicted = pipeline.predict(texts).tolist()
        return classification_report(
            [names.index(label) for label in labels], list(map(names.index, predicted)), names
        )

    return evaluate


def main():
    options = parse_arguments()
    restrict_threads(options.threads)
    train = seq2seq.read_pairs(options.train)
    validation = seq2seq.read_pairs(options.validation)
    print(f"{len(train[0]):,} texts to train on, {len(validation[0]):,} to validate")
    rows = []
    for name, make in (
        ("TextClassifier", lambda: train_classifier(options, *train)),
        ("TF-IDF, logistic regression", lambda: train_baseline(*train)),
    ):
        start = time.perf_counter()
        evaluate = make()
        rows.append((name, evaluate(*validation), (time.perf_counter() - start) / 60))
    print(f"{'':<28}{'accuracy':>10}{'macro F1':>10}{'minutes':>10}")
    for name, report, minutes in rows:
        print(f"{name:<28}{report['accuracy']:>10.2%}{report['macro_f1']:>10.3f}{minutes:>10.1f}")


if __name__ == "__main__":
    main()
