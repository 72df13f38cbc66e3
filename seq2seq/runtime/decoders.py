"""Decoders of NumPy arrays, as the generation loop wants them, from ONNX graphs."""

import numpy as np

from seq2seq.text.vocabulary import PAD


class OnnxDecoder:
    """One step of an exported decoder, and what comes before the first.

    Args:
        encoder: Session of `encoder_model.onnx`.
        decoder: Session of `decoder_model.onnx`.
    """

    def __init__(self, encoder, decoder):
        self.encoder = encoder
        self.decoder = decoder
        self.source = encoder.get_inputs()[0].name
        names = [tensor.name for tensor in decoder.get_inputs()]
        self.state_names = [name for name in names if name.startswith("state_")]
        self.memory_names = [name for name in names if name.startswith("memory_")]
        self.units = decoder.get_inputs()[names.index(self.state_names[0])].shape[-1]
        self._next_states = [f"next_{name}" for name in self.state_names]
        self._takes_few = "few" in names
        if not self._takes_few:  # LiteRT's graphs return all scores
            self.step_best = None

    def begin(self, ids, max_length):
        """Reads sources `(batch, length)`; see `generation.loop`."""
        names = [*self.state_names, *self.memory_names]
        arrays = self.encoder.run(names, {self.source: ids})
        count = len(self.state_names)
        return arrays[:count], arrays[count:], None

    def step(self, token_ids, states, memory, positions):
        """Decodes one token; see `generation.loop`."""
        scores, *states = self._run(["scores", *self._next_states], token_ids, states, memory)
        return scores, states

    def step_best(self, token_ids, states, memory, positions, few):
        """Decodes one token; see `generation.loop`."""
        names = ["best", "best_ids", *self._next_states]
        best, best_ids, *states = self._run(names, token_ids, states, memory, few)
        return best, best_ids.astype("int32"), states

    def look(self, token_ids, states, memory):
        """Decodes one token, as `step`; returns also the attention weights, or `None`."""
        if not memory:
            return *self.step(token_ids, states, memory, None), None
        names = ["scores", *self._next_states, "attention"]
        scores, *states, attention = self._run(names, token_ids, states, memory)
        return scores, states, attention

    def read(self, ids) -> np.ndarray:
        """Returns the encoder's outputs `(batch, length, units)` for `encode_texts`."""
        return self.encoder.run(["outputs"], {self.source: ids})[0]

    def _run(self, names, token_ids, states, memory, few=0):
        inputs = {"token_ids": token_ids}
        if self._takes_few:
            inputs["few"] = np.array([few], "int64")
        inputs.update(zip(self.state_names, states, strict=True))
        inputs.update(zip(self.memory_names, memory, strict=True))
        return self.decoder.run(names, inputs)


class OnnxLanguageModel(OnnxDecoder):
    """A decoder that starts after a prompt, or from zeros."""

    def begin(self, ids, max_length):
        """Reads prompts, all but their last tokens; see `generation.loop`."""
        rows, lengths = np.arange(len(ids)), np.count_nonzero(ids, axis=1)
        last = ids[rows, lengths - 1]
        if ids.shape[1] == 1:
            return self.zeros(len(ids)), [], last
        read = ids.copy()
        longer = lengths > 1
        read[rows[longer], lengths[longer] - 1] = PAD
        states = self.encoder.run(self.state_names, {self.source: read})
        # A prompt of one token was read too, because a row must have one.
        return [np.where(longer[:, None], state, np.float32(0)) for state in states], [], last

    def zeros(self, batch: int) -> list[np.ndarray]:
        """Returns the states before any token, each `(batch, units)`."""
        return [np.zeros((batch, self.units), "float32") for _ in self.state_names]
