"""Trains a translator, shows what it learns, saves it as one file and uses it in a fresh process.

Without arguments: English to Chinese on the 4,270 sentence pairs of the package
`hsk-sentences-audio` (CC-BY-SA 4.0). On other data:

    python examples/translation.py --data cmn.txt                     # tab-separated, as from Anki
    python examples/translation.py --data train.en train.de --target-tokenizer word
    python examples/translation.py --data anki:cmn-eng                # downloads the Anki export
    python examples/translation.py --attention luong --beam 5
    python examples/translation.py --architecture transformer --num-layers 2 --dropout 0.1
"""

import argparse
import subprocess
import sys

import keras

import seq2seq
from seq2seq.callbacks import ShowSamples
from seq2seq.checks import check_model_path
from seq2seq.evaluation import bleu, chrf

TOKENIZERS = {
    "char": seq2seq.CharTokenizer,
    "word": seq2seq.WordTokenizer,
    "jieba": seq2seq.JiebaTokenizer,
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", nargs="+", help="file of pairs, two line-aligned files, or anki:NAME"
    )
    parser.add_argument("--source-tokenizer", choices=TOKENIZERS, default="word")
    parser.add_argument("--target-tokenizer", choices=TOKENIZERS, default="jieba")
    parser.add_argument("--max-tokens", type=int, default=8000)
    parser.add_argument("--min-frequency", type=int, default=1)
    parser.add_argument("--architecture", choices=["recurrent", "transformer"], default="recurrent")
    parser.add_argument("--embedding-dim", type=int, default=256, help="of a recurrent model")
    parser.add_argument("--attention", choices=["luong", "bahdanau"], help="of a recurrent model")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--num-layers", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--learning-rate", type=float, help="default: 2e-3; of a transformer 1e-3")
    parser.add_argument("--beam", type=int, metavar="WIDTH", help="default: greedy")
    parser.add_argument("--limit", type=int, help="use only the first pairs")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="translator.keras")
    options = parser.parse_args()
    if options.architecture == "transformer" and options.attention:
        parser.error("--attention is of recurrent models: a transformer has its own")
    if options.learning_rate is None:
        options.learning_rate = 2e-3 if options.architecture == "recurrent" else 1e-3
    return options


def load_pairs(data):
    if data is None:
        return seq2seq.datasets.hsk_sentences()
    if data[0].startswith("anki:"):
        return seq2seq.datasets.anki(data[0].removeprefix("anki:"))
    return seq2seq.read_pairs(*data)


def make_model(options, train):
    limits = {"max_tokens": options.max_tokens, "min_frequency": options.min_frequency}
    source = TOKENIZERS[options.source_tokenizer](**limits).adapt(train[0])
    target = TOKENIZERS[options.target_tokenizer](**limits).adapt(train[1])
    sizes = {"units": options.units, "num_layers": options.num_layers, "dropout": options.dropout}
    if options.architecture == "transformer":
        sizes["feedforward_units"] = 4 * options.units
        model = seq2seq.Transformer(source, target, **sizes)
    else:
        sizes["embedding_dim"] = options.embedding_dim
        model = seq2seq.Seq2Seq(source, target, **sizes, attention=options.attention)
    model.optimizer.learning_rate = options.learning_rate
    return model


def main():
    options = parse_arguments()
    keras.utils.set_random_seed(options.seed)
    try:
        check_model_path(options.output)
        sources, targets = (side[: options.limit] for side in load_pairs(options.data))
        # No sentence of a held-out part, on either side, is seen in training.
        parts = seq2seq.split_pairs(sources, targets, 0.05, 0.05, seed=options.seed)
        train, validation, test = parts
        model = make_model(options, train)
        sampler = "greedy" if options.beam is None else seq2seq.BeamSearch(options.beam)
        samples = ShowSamples(validation[0][:3], validation[1][:3], sampler=sampler)
    except (ValueError, ImportError) as error:
        sys.exit(f"translation.py: {error}")
    sizes = [len(part[0]) for part in (train, validation, test)]
    print("{} pairs to train on, {} to validate, {} to test".format(*sizes))
    model.summary()
    model.fit(
        *train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=validation,
        callbacks=[samples],
    )
    model.save(options.output)
    translations = model.generate(test[0], sampler=sampler)
    print(f"test chrF {chrf(translations, test[1]):.1f}, BLEU {bleu(translations, test[1]):.1f}")

    print(f"Saved {options.output}. In a fresh process it translates, greedily:")
    program = (
        "import sys, keras, seq2seq; model = keras.saving.load_model(sys.argv[1]);"
        "[print(f'  {text} -> {model.generate(text)}') for text in sys.argv[2:]]"
    )
    subprocess.run([sys.executable, "-c", program, options.output, *test[0][:3]], check=True)


if __name__ == "__main__":
    main()
