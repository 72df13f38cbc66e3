"""The same Transformer in plain PyTorch, to measure seq2seq against.

No command of its own: train.py uses it. Attention is PyTorch's own fused function. It imports
neither Keras nor seq2seq, so that its memory is PyTorch's.
"""

import math

import torch
from torch import nn
from torch.nn import functional

PAD = 0


class TorchTransformer(nn.Module):
    """Blocks over the source, and over the target with a look at the source; norms first.

    Args:
        source_size: Size of the source vocabulary, special ids included.
        target_size: Size of the target vocabulary.
        units: Size of embeddings and blocks.
        num_layers: Blocks a side.
        num_heads: Heads of each attention.
        feedforward_units: Size of the hidden layers.
        dropout: Dropout rate.
    """

    def __init__(
        self, source_size, target_size, units, num_layers, num_heads, feedforward_units, dropout
    ):
        super().__init__()
        self.units, self.drop = units, nn.Dropout(dropout)
        self.source_embedding = nn.Embedding(source_size, units)
        self.target_embedding = nn.Embedding(target_size, units)
        shape = units, num_heads, feedforward_units, dropout
        self.encoder = nn.ModuleList(TorchBlock(*shape, False) for _ in range(num_layers))
        self.decoder = nn.ModuleList(TorchBlock(*shape, True) for _ in range(num_layers))
        self.encoder_norm = nn.LayerNorm(units, 1e-6)
        self.decoder_norm = nn.LayerNorm(units, 1e-6)
        self.decoder_output = nn.Linear(units, target_size)

    def forward(self, source_ids: torch.Tensor, target_ids: torch.Tensor) -> torch.Tensor:
        """Returns logits `(batch, target_length, target_size)`."""
        mask = (source_ids != PAD)[:, None, None]  # (batch, 1, 1, source_length)
        x = self._place(self.source_embedding(source_ids))
        for block in self.encoder:
            x = block(x, mask)
        x = self.encoder_norm(x)
        y = self._place(self.target_embedding(target_ids))
        for block in self.decoder:
            y = block(y, mask, x)
        return self.decoder_output(self.decoder_norm(y))

    def copy_from_keras(self, weights: dict) -> None:
        """Takes over the weights of a `seq2seq.Transformer`, by path."""
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                value = torch.from_numpy(weights[_path(name)])
                parameter.copy_(value.T if _path(name).endswith("/kernel") else value)

    def _place(self, x):
        """Scales embedded tokens and adds sines and cosines of their positions."""
        kind = {"dtype": torch.float32, "device": x.device}
        numbers = torch.arange(x.shape[1], **kind)[:, None]
        exponents = torch.arange(0, self.units, 2, **kind) / self.units
        angles = numbers * torch.exp(-math.log(10_000.0) * exponents)
        return self.drop(x * self.units**0.5 + torch.cat([angles.sin(), angles.cos()], dim=-1))


class TorchBlock(nn.Module):
    """Attention to the own sequence, perhaps to a source, and a feed-forward network."""

    def __init__(self, units, num_heads, feedforward_units, dropout, crosses):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.attention = TorchAttention(units, num_heads, dropout)
        self.attention_norm = nn.LayerNorm(units, 1e-6)
        self.cross_attention = TorchAttention(units, num_heads, dropout) if crosses else None
        self.cross_norm = nn.LayerNorm(units, 1e-6) if crosses else None
        self.feedforward_in = nn.Linear(units, feedforward_units)
        self.feedforward_out = nn.Linear(feedforward_units, units)
        self.feedforward_norm = nn.LayerNorm(units, 1e-6)

    def forward(self, x, mask, source=None):
        """Runs over `(batch, length, units)`; with a source no token looks ahead."""
        y = self.attention_norm(x)
        own = {"is_causal": True} if source is not None else {"attn_mask": mask}
        x = x + self.drop(self.attention(y, y, **own))
        if source is not None:
            y = self.cross_attention(self.cross_norm(x), source, attn_mask=mask)
            x = x + self.drop(y)
        hidden = functional.relu(self.feedforward_in(self.feedforward_norm(x)))
        return x + self.drop(self.feedforward_out(hidden))


class TorchAttention(nn.Module):
    """Scaled dot products by several heads."""

    def __init__(self, units, num_heads, dropout):
        super().__init__()
        self.num_heads, self.dropout = num_heads, dropout
        self.query, self.key = nn.Linear(units, units), nn.Linear(units, units)
        self.value, self.output = nn.Linear(units, units), nn.Linear(units, units)

    def forward(self, x, source, **options):
        """Attends from `x` to `source`."""

        def split(y):
            return y.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

        heads = split(self.query(x)), split(self.key(source)), split(self.value(source))
        dropout = self.dropout if self.training else 0.0
        y = functional.scaled_dot_product_attention(*heads, dropout_p=dropout, **options)
        return self.output(y.transpose(1, 2).flatten(2))


def _path(name):
    """Returns the path in Keras of a parameter, such as `encoder.0.attention.query.weight`."""
    *parts, kind = name.split(".")
    if parts[0] in ("encoder", "decoder"):
        parts = [f"{parts[0]}_block_{int(parts[1]) + 1}", *parts[2:]]
    kinds = {"weight": "kernel", "bias": "bias"}
    if parts[-1].endswith("norm"):
        kinds = {"weight": "gamma", "bias": "beta"}
    if parts[-1].endswith("embedding"):
        kinds = {"weight": "embeddings"}
    return "/".join([*parts, kinds[kind]])
