"""seq2seq: the encoder-decoder toolkit for Keras.

>>> source = seq2seq.WordTokenizer().adapt(english)
>>> target = seq2seq.JiebaTokenizer().adapt(chinese)
>>> model = seq2seq.Seq2Seq(source, target)
>>> model.fit(english, chinese, epochs=15)
>>> model.generate("Where is the station?")
"""

import itertools
import sys
from pathlib import PurePath

from seq2seq.version import __version__


def _is_command() -> bool:
    """Tells whether this process is the command `seq2seq`, which imports only what it needs."""
    if sys.argv[:1] == ["-m"]:
        words = sys.orig_argv
        return "-mseq2seq" in words or ("-m", "seq2seq") in itertools.pairwise(words)
    return PurePath((sys.argv or [""])[0]).stem == "seq2seq"


if not _is_command():
    from seq2seq import callbacks, evaluation, plotting
    from seq2seq.data import datasets
    from seq2seq.data.batching import make_batches
    from seq2seq.data.corpus import read_lines, read_pairs
    from seq2seq.data.report import inspect_pairs
    from seq2seq.data.splitting import split_pairs
    from seq2seq.generation.result import Generation
    from seq2seq.generation.samplers import BeamSearch, Greedy, Sample
    from seq2seq.models.classifier import TextClassifier
    from seq2seq.models.inference import (
        build_inference_models,
        check_inference,
        load_inference_models,
    )
    from seq2seq.models.language_model import LanguageModel
    from seq2seq.models.ngram import NGramModel
    from seq2seq.models.sentence_vectors import encode_texts
    from seq2seq.models.seq2seq import Seq2Seq
    from seq2seq.models.transfer import copy_weights
    from seq2seq.text import (
        BOS,
        EOS,
        PAD,
        UNK,
        CharTokenizer,
        JiebaTokenizer,
        SubwordTokenizer,
        Vocabulary,
        WordTokenizer,
        remove_stop_words,
        to_half_width,
    )

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
    "LanguageModel",
    "NGramModel",
    "Sample",
    "Seq2Seq",
    "SubwordTokenizer",
    "TextClassifier",
    "Vocabulary",
    "WordTokenizer",
    "__version__",
    "build_inference_models",
    "callbacks",
    "check_inference",
    "copy_weights",
    "datasets",
    "encode_texts",
    "evaluation",
    "inspect_pairs",
    "load_inference_models",
    "make_batches",
    "plotting",
    "read_lines",
    "read_pairs",
    "remove_stop_words",
    "split_pairs",
    "to_half_width",
]
