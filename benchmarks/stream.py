"""Time from the call to the first token of a stream, once compiled, and from token to token.

    python benchmarks/stream.py
    python benchmarks/stream.py writer.keras --prompt "却说曹操"

Without a model file it is an untrained language model of 6,000 characters, 512 units.
"""

import argparse
import itertools
import statistics
import time

from cores import add_threads_argument, restrict_threads


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", help="file of a LanguageModel (.keras)")
    parser.add_argument("--prompt", default="却说曹操引兵而去，")
    parser.add_argument("--max-length", type=int, default=50, help="tokens (%(default)s)")
    parser.add_argument("--calls", type=int, default=20, help="of which medians are taken (20)")
    add_threads_argument(parser)
    return parser.parse_args()


def load_model(path):
    import keras

    import seq2seq

    if path:
        return keras.saving.load_model(path)
    keras.utils.set_random_seed(1)
    characters = [chr(ord("一") + i) for i in range(6000)]
    return seq2seq.LanguageModel(seq2seq.CharTokenizer(vocabulary=characters), units=512)


def main():
    options = parse_arguments()
    restrict_threads(options.threads)
    model = load_model(options.model)
    import seq2seq

    first, following = [], []
    for call in range(options.calls + 1):
        sampler = seq2seq.Sample(seed=call)
        start = time.perf_counter()
        pieces = model.generate(options.prompt, options.max_length, sampler, stream=True)
        next(pieces)  # the prompt itself
        times = [time.perf_counter() for _ in pieces]
        if call:  # the first call compiles
            first.append(times[0] - start)
            following += [b - a for a, b in itertools.pairwise(times)]
    print(f"first token after {1000 * statistics.median(first):.1f} ms (median)")
    print(f"each token after that {1000 * statistics.median(following):.1f} ms")


if __name__ == "__main__":
    main()
