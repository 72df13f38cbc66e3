"""Times the decoding of a Marian folder that seq2seq has exported, beside its peers.

    pip install ctranslate2
    python benchmarks/marian.py
    python benchmarks/marian.py --units 512 --layers 6 --feedforward 2048 --vocabulary 32000

The folder is made here, with random weights. Every side reads the same rows and writes as many
tokens greedily: the folder exported in float32 and int8, the same one converted to CTranslate2, and
`transformers.generate`, which is PyTorch in float32. Prints tokens a second, and how many rows get
the tokens that `transformers` gives them. CTranslate2 runs with one thread too: on a busy machine
its threads wait for each other.
"""

import argparse
import json
import random
import tempfile
from pathlib import Path

import numpy as np
from compare import show
from cores import add_threads_argument, restrict_threads
from generate import time_sides

ROWS = 64


def main() -> None:
    """Measures every side and prints the table."""
    arguments = parse_arguments()
    restrict_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "marian"
        library = make_folder(folder, arguments)
        ids = read_ids(folder, library.config.vocab_size)
        sides = own_sides(folder, Path(root), arguments.length)
        sides |= ctranslate2_sides(folder, Path(root), ids, arguments)
        sides["transformers"] = library_side(library, ids, arguments)
        generator = np.random.default_rng(1)
        rows = [
            [*generator.integers(4, len(ids), generator.integers(5, 25)).tolist(), 3]
            for _ in range(ROWS)
        ]
        rows.sort(key=len)
        print(f"| tokens a second | {' | '.join(sides)} |\n|---|{'---|' * len(sides)}")
        for batch_size in (1, 64):
            some = rows[:: 1 if batch_size > 1 else 8]
            batched = {name: in_batches(side, batch_size) for name, side in sides.items()}
            speeds, found = time_sides(batched, some, batch_size, arguments.repeats)
            cells = [show(speeds[name] * arguments.length) for name in sides]
            print(f"| batch {batch_size} | {' | '.join(cells)} |")
    shares = [
        np.mean(
            [one == other for one, other in zip(found[name], found["transformers"], strict=True)]
        )
        for name in sides
    ]
    print(f"| rows with the same tokens | {' | '.join(f'{share:.0%}' for share in shares)} |")


def parse_arguments() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--units", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4, help="of each side (4)")
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--feedforward", type=int, default=1024)
    parser.add_argument("--vocabulary", type=int, default=8000, help="tokens of both sides (8000)")
    parser.add_argument("--length", type=int, default=30, help="tokens to write (30)")
    parser.add_argument("--repeats", type=int, default=3, help="runs a side; the median counts (3)")
    add_threads_argument(parser)
    return parser.parse_args()


def make_folder(folder: Path, arguments):
    """Writes a folder as Hugging Face keeps Marian, and returns its model."""
    import torch
    import transformers

    folder.mkdir()
    pieces = [f"▁{i}" for i in range(arguments.vocabulary)]
    random.Random(1).shuffle(pieces)
    tokens = {token: i for i, token in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(tokens), encoding="utf-8")
    for side in ("source", "target"):
        write_sentencepiece(folder / f"{side}.spm", pieces)
    config = transformers.MarianConfig(
        vocab_size=len(tokens),
        d_model=arguments.units,
        **{f"{side}_layers": arguments.layers for side in ("encoder", "decoder")},
        **{f"{side}_attention_heads": arguments.heads for side in ("encoder", "decoder")},
        **{f"{side}_ffn_dim": arguments.feedforward for side in ("encoder", "decoder")},
        activation_function="relu",
        max_position_embeddings=128,
        scale_embedding=True,
        pad_token_id=len(tokens) - 1,
        decoder_start_token_id=len(tokens) - 1,
        eos_token_id=0,
        forced_eos_token_id=None,
    )
    torch.manual_seed(1)
    model = transformers.MarianMTModel(config).eval()
    model.save_pretrained(folder)
    transformers.MarianTokenizer.from_pretrained(folder).save_pretrained(folder)
    return model


def write_sentencepiece(path: Path, pieces) -> None:
    """Writes a SentencePiece model of given pieces."""
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()
    kinds = model.SentencePiece
    for piece, kind in (("<unk>", kinds.UNKNOWN), ("<s>", kinds.CONTROL), ("</s>", kinds.CONTROL)):
        model.pieces.add(piece=piece, score=0, type=kind)
    for i, piece in enumerate(pieces):
        model.pieces.add(piece=piece, score=-i)
    path.write_bytes(model.SerializeToString())


def read_ids(folder: Path, size: int) -> list[int]:
    """Returns the library's id of each of ours."""
    from seq2seq.text.pretrained_tokenizers import read_pretrained_tokenizer

    return list(map(int, read_pretrained_tokenizer(folder, "marian", size)[1]))


def own_sides(folder: Path, root: Path, length: int) -> dict:
    """Returns the exported folders, in both precisions."""
    import seq2seq

    model = seq2seq.load_model(folder)
    sides = {}
    for name, quantize in (("exported", None), ("exported int8", "int8")):
        model.export(root / name, quantize=quantize, verbose=0)
        sides[name] = own_side(seq2seq.load_model(root / name), length)
    return sides


def own_side(model, length):
    """Returns a function of rows to their tokens."""
    import seq2seq

    sampler = seq2seq.Greedy(min_length=length)
    return lambda rows: model.generate(rows, length, sampler, batch_size=len(rows), verbose=0)


def ctranslate2_sides(folder: Path, root: Path, ids: list[int], arguments) -> dict:
    """Returns the folder under CTranslate2, in both precisions; none if it is not installed."""
    try:
        import ctranslate2
    except ImportError:
        print("ctranslate2 is not installed: its sides are skipped.")
        return {}
    tokens = {i: token for token, i in json.loads((folder / "vocab.json").read_text()).items()}
    ours = {tokens[theirs]: i for i, theirs in enumerate(ids)}
    converter = ctranslate2.converters.TransformersConverter(str(folder))
    sides = {}
    for name, kind in (("CTranslate2", "float32"), ("CTranslate2 int8", "int8")):
        converter.convert(str(root / name), quantization=kind)
        for threads in dict.fromkeys((1, arguments.threads)):
            translator = ctranslate2.Translator(
                str(root / name), compute_type=kind, intra_threads=threads
            )
            side = ctranslate2_side(translator, tokens, ids, ours, arguments.length)
            sides[f"{name}, threads: {threads}"] = side
    return sides


def ctranslate2_side(translator, tokens, ids, ours, length):
    """Returns a function of rows to their tokens."""

    def translate(rows):
        found = translator.translate_batch(
            [[tokens[ids[i]] for i in row] for row in rows],
            beam_size=1,
            min_decoding_length=length,
            max_decoding_length=length,
        )
        return [[ours[token] for token in result.hypotheses[0]] for result in found]

    return translate


def library_side(model, ids: list[int], arguments):
    """Returns `transformers.generate` as a function of rows to their tokens."""
    import torch

    torch.set_num_threads(arguments.threads)
    ours, padding = {theirs: i for i, theirs in enumerate(ids)}, model.config.pad_token_id

    def generate(rows):
        longest = max(map(len, rows))
        padded = [[ids[i] for i in row] + [padding] * (longest - len(row)) for row in rows]
        padded = torch.tensor(padded)
        found = model.generate(
            padded,
            attention_mask=(padded != padding).long(),
            do_sample=False,
            num_beams=1,
            min_new_tokens=arguments.length,
            max_new_tokens=arguments.length,
            bad_words_ids=[[padding], [1]],
        )
        return [[ours[i] for i in row[1:]] for row in found.tolist()]

    return generate


def in_batches(side, batch_size: int):
    """Returns a function that gives a side so many rows at a time."""

    def run(rows):
        starts = range(0, len(rows), batch_size)
        return [result for i in starts for result in side(rows[i : i + batch_size])]

    return run


if __name__ == "__main__":
    main()
