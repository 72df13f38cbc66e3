"""The same encoder-decoder in plain PyTorch, to measure seq2seq against.

No command of its own: train.py, generate.py, start.py and deploy.py use it.
It imports neither Keras nor seq2seq, so that its memory is PyTorch's.
"""

import warnings

import numpy as np
import torch
from torch import nn

PAD, UNK, BOS, EOS = range(4)  # as in seq2seq.text.vocabulary
NEVER = -1e9  # a log probability that no sum reaches


class TorchLSTM(nn.Module):
    """Embedding and LSTM over the source; its final states start the same over the target.

    Args:
        source_size: Size of the source vocabulary, special ids included.
        target_size: Size of the target vocabulary.
        embedding_dim: Size of the embeddings.
        units: Size of the LSTMs' states.
        bidirectional: Whether the encoder reads from both ends, with half of `units` each.
        attention: `"luong"`, dot products of the decoder's outputs with the encoder's; or `None`.
        cell: `"lstm"`, or `"gru"` in its place.
        num_layers: Number of layers on each side.
        dropout: Dropout rate on the inputs of each layer and of the output layer.
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        embedding_dim: int,
        units: int,
        bidirectional: bool = False,
        attention: str | None = None,
        cell: str = "lstm",
        num_layers: int = 1,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.source_embedding = nn.Embedding(source_size, embedding_dim)
        self.target_embedding = nn.Embedding(target_size, embedding_dim)
        size = units // 2 if bidirectional else units
        layer = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        shape = {"num_layers": num_layers, "batch_first": True}
        shape["dropout"] = dropout if num_layers > 1 else 0.0  # between layers
        self.encoder_lstm = layer(embedding_dim, size, bidirectional=bidirectional, **shape)
        self.decoder_lstm = layer(embedding_dim, units, **shape)
        self.dropout = nn.Dropout(dropout)
        self.decoder_output = nn.Linear(units, target_size)
        self.bidirectional, self.attention = bidirectional, attention
        self.cell, self.num_layers = cell, num_layers
        if bidirectional:
            self.bridge_1, self.bridge_2 = nn.Linear(units, units), nn.Linear(units, units)
        if attention:
            self.attention_vector = nn.Linear(2 * units, units)

    def encode(self, source_ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Returns what the decoder needs.

        That is the state after the last real token, `h` and `c` of `(layers, batch, units)`, of a
        GRU `h` alone, and with attention the encoder's outputs `(1, batch, length, units)` and what
        is added to the scores, `(1, batch, 1, length)`.
        """
        lengths = (source_ids != PAD).sum(1).cpu()
        x = self.dropout(self.source_embedding(source_ids))
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths, batch_first=True, enforce_sorted=False
        )
        outputs, state = self.encoder_lstm(packed)
        state = (state,) if self.cell == "gru" else state
        if self.bidirectional:
            bridges = self.bridge_1, self.bridge_2
            state = tuple(
                torch.tanh(bridge(torch.cat([part[0], part[1]], -1)))[None]
                for bridge, part in zip(bridges, state, strict=True)
            )
        if not self.attention:
            return state
        outputs, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
        padding = (source_ids == PAD)[:, None, : outputs.shape[1]]
        bias = torch.zeros(padding.shape, device=padding.device).masked_fill(padding, NEVER)
        return *state, outputs[None], bias[None]

    def decode(self, target_ids: torch.Tensor, state: tuple) -> tuple[torch.Tensor, tuple]:
        """Returns logits `(batch, length, vocabulary)` and the state after the last token."""
        x = self.dropout(self.target_embedding(target_ids))
        if self.cell == "gru":
            h, *memory = state
            x, h = self.decoder_lstm(x, h)
            state = (h,)
        else:
            h, c, *memory = state
            x, state = self.decoder_lstm(x, (h, c))
        if self.attention:
            (values,), (padding,) = memory
            weights = (x @ values.transpose(1, 2) + padding).softmax(-1)
            x = torch.tanh(self.attention_vector(torch.cat([weights.to(x.dtype) @ values, x], -1)))
        return self.decoder_output(self.dropout(x)), (*state, *memory)

    def forward(self, source_ids: torch.Tensor, target_ids: torch.Tensor) -> torch.Tensor:
        """Returns logits with teacher forcing."""
        return self.decode(target_ids, self.encode(source_ids))[0]

    @torch.no_grad()
    def copy_from_keras(self, weights: dict[str, np.ndarray]) -> "TorchLSTM":
        """Takes over the weights of a `Seq2Seq` (see `keras_weights`) and returns the model.

        Keras keeps one bias an LSTM, PyTorch two that are added: the second is zero and untrained.
        Both keep the gates in the order input, forget, cell, output; of a GRU Keras has the update
        gate first, PyTorch the reset gate.
        """
        for name in ("source_embedding", "target_embedding"):
            _copy(getattr(self, name).weight, weights[f"{name}/embeddings"])
        for i in range(self.num_layers):
            number = f"_{i + 1}" if self.num_layers > 1 else ""
            for side in ("decoder",) if self.bidirectional else ("encoder", "decoder"):
                layer = getattr(self, f"{side}_lstm")
                _copy_lstm(layer, f"l{i}", weights, f"{side}_{self.cell}{number}")
        if self.bidirectional:
            _copy_lstm(self.encoder_lstm, "l0", weights, "encoder_lstm/forward_encoder_lstm")
            _copy_lstm(
                self.encoder_lstm, "l0_reverse", weights, "encoder_lstm/backward_encoder_lstm"
            )
        for name, layer in self.named_children():
            if isinstance(layer, nn.Linear):
                _copy(layer.weight, weights[f"{name}/kernel"].T)
                _copy(layer.bias, weights[f"{name}/bias"])
        return self


def quantize(model: TorchLSTM) -> nn.Module:
    """Returns the model with products of 8 bits, of weights and of activations as they come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch points to torchao, which has no LSTM
        return torch.ao.quantization.quantize_dynamic(model, {nn.LSTM, nn.Linear}, torch.qint8)


def keras_weights(model) -> dict[str, np.ndarray]:
    """Returns the weights of a Keras model by path."""
    return {variable.path: np.array(variable) for variable in model.weights}


def keras_shape(model) -> tuple:
    """Returns the arguments that make a `TorchLSTM` of the shape of a `Seq2Seq`."""
    sizes = model.source_vocabulary_size, model.target_vocabulary_size
    return *sizes, model.embedding_dim, model.units, model.bidirectional, model.attention


def _copy_lstm(lstm: nn.LSTM, suffix: str, weights: dict, path: str) -> None:
    parameters = [getattr(lstm, f"{name}_{suffix}") for name in ("weight_ih", "weight_hh")]
    biases = [getattr(lstm, f"{name}_{suffix}") for name in ("bias_ih", "bias_hh")]
    cell = "gru" if isinstance(lstm, nn.GRU) else "lstm"
    names = ("kernel", "recurrent_kernel", "bias")
    *kernels, bias = (weights[f"{path}/{cell}_cell/{name}"] for name in names)
    for parameter, kernel in zip(parameters, kernels, strict=True):
        _copy(parameter, _gates_of_torch(kernel, cell).T)
    if cell == "gru":
        for parameter, row in zip(biases, bias, strict=True):
            _copy(parameter, _gates_of_torch(row, cell))
        return
    _copy(biases[0], bias)
    biases[1].zero_().requires_grad_(False)


def _gates_of_torch(array: np.ndarray, cell: str) -> np.ndarray:
    if cell == "lstm":
        return array
    update, reset, candidate = np.split(array, 3, axis=-1)
    return np.concatenate([reset, update, candidate], axis=-1)


def _copy(parameter: torch.Tensor, array: np.ndarray) -> None:
    parameter.copy_(torch.tensor(np.ascontiguousarray(array)))


class KerasAdam(torch.optim.Adam):
    """Adam as `keras.optimizers.Adam(1e-3, clipnorm=1.0)` has it, all tensors in one fused call."""

    def __init__(self, model: TorchLSTM):
        self.trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.updates = 0
        super().__init__(self.trained, lr=1e-3, fused=True)

    def step(self) -> None:
        """Updates the weights with the gradients."""
        self.updates += 1
        for group in self.param_groups:
            # Keras adds its epsilon before the bias correction, PyTorch after it. The gradients of
            # the first updates are small enough for that to change the losses by a hundredth.
            group["eps"] = 1e-7 / (1 - group["betas"][1] ** self.updates) ** 0.5
        for parameter in self.trained:
            nn.utils.clip_grad_norm_([parameter], 1.0)  # of each tensor, not of all together
        super().step()


def train_step(
    model: TorchLSTM, optimizer: KerasAdam, source_ids, target_ids, labels, autocast: bool = False
) -> None:
    """Updates the weights with one batch, by the mean loss of its real tokens.

    With `autocast` PyTorch multiplies in bfloat16.
    """
    optimizer.zero_grad()
    with torch.autocast(source_ids.device.type, torch.bfloat16, enabled=autocast):
        loss = token_loss(model(source_ids, target_ids), labels)
    loss.backward()
    optimizer.step()


def token_loss(logits, labels, reduction: str = "mean") -> torch.Tensor:
    """Returns the cross-entropy of the real tokens."""
    return nn.functional.cross_entropy(
        logits.flatten(0, 1), labels.flatten().long(), ignore_index=PAD, reduction=reduction
    )


@torch.inference_mode()
def evaluate(model: TorchLSTM, batches) -> float:
    """Returns the loss a token over batches of `(source_ids, target_ids, labels)`."""
    total = sum(float(token_loss(model(x, y), labels, "sum")) for x, y, labels in batches)
    return total / sum(int((labels != PAD).sum()) for _, _, labels in batches)


@torch.inference_mode()
def greedy(model: TorchLSTM, source_ids: torch.Tensor, max_length: int) -> np.ndarray:
    """Takes the most probable token at each step, until every row has ended.

    Args:
        model: The model.
        source_ids: `(batch, source_length)`, each row ending with `EOS`, then padding.
        max_length: Most tokens generated, `EOS` included.

    Returns:
        `(batch, steps)` ids, 0 after `EOS`.
    """
    state = model.encode(source_ids)
    device = source_ids.device
    token_ids = torch.full((len(source_ids), 1), BOS, device=device)
    finished = torch.zeros(len(source_ids), 1, dtype=torch.bool, device=device)
    columns = []
    while len(columns) < max_length and not finished.all():
        logits, state = model.decode(token_ids, state)
        logits[..., [PAD, UNK, BOS]] = NEVER
        token_ids = logits.argmax(-1).masked_fill(finished, PAD)
        finished |= token_ids == EOS
        columns.append(token_ids)
    return torch.cat(columns, 1).cpu().numpy()


@torch.inference_mode()
def beam_search(
    model: TorchLSTM,
    source_ids: torch.Tensor,
    max_length: int,
    width: int = 5,
    length_penalty: float = 1.0,
) -> np.ndarray:
    """Keeps the `width` best hypotheses at each step and returns the best of each row.

    A finished hypothesis keeps its place and score; ranking is that of `seq2seq.BeamSearch`. The
    arguments and result are otherwise those of `greedy`.
    """
    batch = len(source_ids)
    first_rows = torch.arange(batch)[:, None] * width
    state = tuple(part.repeat_interleave(width, 1) for part in model.encode(source_ids))
    ids = torch.empty(batch, width, 0, dtype=torch.long)
    token_ids = torch.full((batch, width), BOS)
    finished = torch.zeros(batch, width, dtype=torch.bool)
    scores = torch.full((batch, width), NEVER)
    scores[:, 0] = 0.0  # all hypotheses start equal: only the first may bear children
    while ids.shape[-1] < max_length and not finished.all():
        logits, state = model.decode(token_ids.reshape(-1, 1), state)
        steps = logits.log_softmax(-1).reshape(batch, width, -1)
        steps[..., [PAD, UNK, BOS]] = NEVER
        steps[finished] = NEVER
        steps[..., PAD].masked_fill_(finished, 0.0)
        scores, best = (scores[..., None] + steps).flatten(1).topk(width)
        parents, token_ids = best // steps.shape[-1], best % steps.shape[-1]
        state = tuple(part[:, (first_rows + parents).flatten()] for part in state)
        finished = finished.gather(1, parents) | (token_ids == EOS)
        ids = ids.gather(1, parents[..., None].expand_as(ids))
        ids = torch.cat([ids, token_ids[..., None]], -1)
    lengths = (ids != PAD).sum(-1)
    best = (scores / ((5 + lengths) / 6) ** length_penalty).argmax(1)
    return ids[torch.arange(batch), best].numpy()
