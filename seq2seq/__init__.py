"""seq2seq: the encoder-decoder toolkit for Keras."""

from seq2seq.data import datasets
from seq2seq.data.batching import make_batches
from seq2seq.data.corpus import read_lines, read_pairs
from seq2seq.data.report import inspect_pairs
from seq2seq.data.splitting import split_pairs
from seq2seq.generation.result import Generation
from seq2seq.generation.samplers import BeamSearch, Greedy, Sample
from seq2seq.models.inference import (
    build_inference_models,
    check_inference,
    load_inference_models,
)
from seq2seq.models.seq2seq import Seq2Seq
from seq2seq.text import (
    BOS,
    EOS,
    PAD,
    UNK,
    CharTokenizer,
    JiebaTokenizer,
    Vocabulary,
    WordTokenizer,
)
from seq2seq.version import __version__

__all__ = [
    "BOS",
    "EOS",
    "PAD",
    "UNK",
    "BeamSearch",
    "CharTokenizer",
    "Generation",
    "Greedy",
    "JiebaTokenizer",
    "Sample",
    "Seq2Seq",
    "Vocabulary",
    "WordTokenizer",
    "__version__",
    "build_inference_models",
    "check_inference",
    "datasets",
    "inspect_pairs",
    "load_inference_models",
    "make_batches",
    "read_lines",
    "read_pairs",
    "split_pairs",
]
