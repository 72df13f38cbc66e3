"""Finds the questions of a corpus that are nearest to yours, by the vectors of an encoder.

Without arguments: an encoder-decoder learns the small talk of the package `chatterbot-corpus`, and
its encoder then compares turns. With a model you have, of any kind, or your own questions:

    python examples/retrieval.py --language chinese --query "你会死吗"
    python examples/retrieval.py --data turns.tsv
    python examples/retrieval.py --data turns.tsv --model chatbot.keras
"""

import argparse
import sys

import keras
import numpy as np

import seq2seq

QUERIES = ["Are you a robot?", "Tell me about sports"], ["你是不是机器人", "你喜欢什么书"]


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="file of pairs: question, tab, answer")
    parser.add_argument("--language", default="english", help="of chatterbot-corpus")
    parser.add_argument("--model", help="model file (.keras); default: one is trained")
    parser.add_argument("--limit", type=int, help="use only the first pairs")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--query", action="append", help="repeat it for more")
    parser.add_argument("--nearest", type=int, default=3, help="questions shown (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def load_questions(options):
    """Returns questions, each once, with an answer."""
    if options.data:
        pairs = seq2seq.read_pairs(options.data)
    else:
        pairs = seq2seq.datasets.conversations(options.language)
    answers = dict(list(zip(*pairs, strict=True))[: options.limit])
    return list(answers), list(answers.values())


def train_model(options, questions, answers):
    tokenizer = seq2seq.JiebaTokenizer if options.language == "chinese" else seq2seq.WordTokenizer
    model = seq2seq.Seq2Seq(
        tokenizer(lowercase=True).adapt(questions),
        tokenizer().adapt(answers),
        units=options.units,
        bidirectional=True,
    )
    model.optimizer.learning_rate = 2e-3
    model.fit(questions, answers, batch_size=16, epochs=options.epochs, verbose=2)
    return model


def unit_vectors(model, texts):
    vectors = seq2seq.encode_texts(model, texts)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main():
    options = parse_arguments()
    keras.utils.set_random_seed(options.seed)
    questions, answers = load_questions(options)
    if options.model:
        model = keras.saving.load_model(options.model)
    else:
        model = train_model(options, questions, answers)
    queries = options.query or QUERIES[options.language == "chinese"]
    corpus, asked = unit_vectors(model, questions), unit_vectors(model, queries)
    for query, cosines in zip(queries, asked @ corpus.T, strict=True):
        print(f"\n{query}")
        for i in np.argsort(-cosines)[: options.nearest]:
            print(f"  {cosines[i]:.2f}  {questions[i]}  ->  {answers[i]}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, ImportError) as error:
        sys.exit(f"retrieval.py: {error}")
