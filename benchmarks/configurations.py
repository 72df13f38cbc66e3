"""The models that the benchmarks measure, by name, as arguments of `Seq2Seq`.

No command of its own: see `--sizes` of train.py and `--size` of generate.py.
"""

EMBEDDING_DIM = 256
CONFIGURATIONS = {
    "small": {"units": 256},
    "large": {"units": 512, "bidirectional": True, "attention": "luong"},
}
