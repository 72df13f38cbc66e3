"""The models that the benchmarks measure, by name, as arguments of `Seq2Seq` and `Transformer`.

No command of its own: see `--sizes` of train.py and `--size` of generate.py.
"""

EMBEDDING_DIM = 256
CONFIGURATIONS = {
    "small": {"units": 256},
    "large": {"units": 512, "bidirectional": True, "attention": "luong"},
}
VARIANTS = {
    "gru": {"units": 256, "cell": "gru"},
    "two-layers": {"units": 256, "num_layers": 2},
}
RECURRENT = CONFIGURATIONS | VARIANTS
TRANSFORMERS = {
    "transformer": {"units": 128, "num_layers": 4, "num_heads": 4, "feedforward_units": 256},
    "transformer-256": {"units": 256, "num_layers": 4, "num_heads": 4, "feedforward_units": 1024},
}
