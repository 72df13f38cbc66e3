"""Decoders of NumPy arrays, as the generation loop wants them, from ONNX graphs."""

import numpy as np

from seq2seq.text.vocabulary import PAD


def open_decoder(sessions: dict, continues: bool) -> "OnnxDecoder":
    """Returns the decoder of two graphs.

    Args:
        sessions: The sessions of `encoder_model` and `decoder_model`, by name.
        continues: Whether it continues prompts.
    """
    names = [tensor.name for tensor in sessions["decoder_model"].get_inputs()]
    if "positions" in names:
        kind = SlottedLanguageModel if continues else SlottedDecoder
    else:
        kind = OnnxLanguageModel if continues else OnnxDecoder
    return kind(sessions["encoder_model"], sessions["decoder_model"])


class OnnxDecoder:
    """One step of an exported decoder, and what comes before the first.

    Args:
        encoder: Session of `encoder_model.onnx`.
        decoder: Session of `decoder_model.onnx`.
    """

    new_states = "next_state_"
    attention_names = ()  # of the weights of each layer's heads

    def __init__(self, encoder, decoder):
        self.encoder = encoder
        self.decoder = decoder
        self.source = encoder.get_inputs()[0].name
        inputs = {tensor.name: tensor for tensor in decoder.get_inputs()}
        self.state_names = [name for name in inputs if name.startswith("state_")]
        self.memory_names = [name for name in inputs if name.startswith("memory_")]
        self.has_attention = bool(self.memory_names)
        self._state_shape = inputs["state_1"].shape[1:]  # sizes, or names of axes
        self._new_states = [
            self.new_states + name.removeprefix("state_") for name in self.state_names
        ]
        self._takes_few = "few" in inputs
        if not self._takes_few:  # LiteRT's graphs return all scores
            self.step_best = None
            return
        given = {tensor.name for tensor in decoder.get_overridable_initializers()}
        self._takes_normalise = "normalise" in given  # folders of before always do

    def begin(self, ids, max_length):
        """Reads sources `(batch, length)`; see `generation.loop`."""
        names = [*self.state_names, *self.memory_names]
        arrays = self.encoder.run(names, {self.source: ids})
        count = len(self.state_names)
        return arrays[:count], arrays[count:], None

    def step(self, token_ids, states, memory, positions):
        """Decodes one token; see `generation.loop`."""
        (scores,), states = self._run(["scores"], token_ids, states, memory, positions)
        return scores, states

    def step_best(self, token_ids, states, memory, positions, few, normalise):
        """Decodes one token; see `generation.loop`."""
        asked = {"few": np.array([few], "int64")}
        if self._takes_normalise:
            asked["normalise"] = np.array(normalise)
        inputs = token_ids, states, memory, positions
        (best, best_ids), states = self._run(["best", "best_ids"], *inputs, asked)
        return best, best_ids.astype("int32"), states

    def look(self, token_ids, states, memory, positions, attentions):
        """Decodes one token, as `step`; returns also a dict of attention weights, if any.

        They are those of `attentions`: `attention` `(rows, length)`, and of a Transformer
        `attention_by_head` `(rows, layers, heads, length)`.
        """
        mean = ["attention"] if self.has_attention and "attention" in attentions else []
        by_head = self.attention_names if "attention_by_head" in attentions else ()
        names = ["scores", *mean, *by_head]
        (scores, *weights), states = self._run(names, token_ids, states, memory, positions)
        found = dict(zip(mean, weights, strict=False))
        if by_head:
            found["attention_by_head"] = np.stack(weights[len(mean) :], axis=1)
        return scores, states, found

    def read(self, ids) -> np.ndarray:
        """Returns the encoder's outputs `(batch, length, units)` for `encode_texts`."""
        return self.encoder.run(["outputs"], {self.source: ids})[0]

    def _run(self, names, token_ids, states, memory, positions, asked=None):
        """Returns a list of outputs by name, and the states after the step."""
        inputs = self._inputs(token_ids, positions)
        if self._takes_few:
            inputs.update(asked or {"few": np.array([0], "int64")})
        inputs.update(zip(self.state_names, states, strict=True))
        inputs.update(zip(self.memory_names, memory, strict=True))
        found = self.decoder.run([*names, *self._new_states], inputs)
        new = found[len(names) :]
        return found[: len(names)], self._follow(states, new, positions)

    def _inputs(self, token_ids, positions):
        """Returns what a step takes besides states and memory."""
        return {"token_ids": token_ids}

    def _follow(self, states, new, positions):
        """Returns the states after a step that returned new ones."""
        return new


class OnnxLanguageModel(OnnxDecoder):
    """A decoder that starts after a prompt, or from zeros."""

    def begin(self, ids, max_length):
        """Reads prompts, all but their last tokens; see `generation.loop`."""
        rows, lengths = np.arange(len(ids)), np.count_nonzero(ids, axis=1)
        last = ids[rows, lengths - 1]
        if ids.shape[1] == 1:
            zeros = np.zeros((len(ids), *self._state_shape), "float32")
            return [zeros] * len(self.state_names), [], last
        read = ids.copy()
        longer = lengths > 1
        read[rows[longer], lengths[longer] - 1] = PAD
        states = self.encoder.run(self.state_names, {self.source: read})
        # A prompt of one token was read too, because a row must have one.
        return [np.where(longer[:, None], state, np.float32(0)) for state in states], [], last


class SlottedDecoder(OnnxDecoder):
    """A decoder whose states are a key and a value for each token, written where they stand."""

    new_states = "new_state_"

    def __init__(self, encoder, decoder):
        super().__init__(encoder, decoder)
        names = (tensor.name for tensor in decoder.get_outputs())
        # None in folders that were written before there were these outputs.
        self.attention_names = [name for name in names if name.startswith("attention_")]

    def begin(self, ids, max_length):
        """Reads sources `(batch, length)`; see `generation.loop`."""
        memory = self.encoder.run(self.memory_names, {self.source: ids})
        shape = len(ids), *(max_length if axis == "slots" else axis for axis in self._state_shape)
        return [np.zeros(shape, "float32") for _ in self.state_names], memory, None

    def _inputs(self, token_ids, positions):
        return {"token_ids": token_ids, "positions": positions}

    def _follow(self, states, new, positions):
        """Writes what is new into the slots; a copy of all of them would take longer."""
        rows = np.arange(len(positions))
        for state, token in zip(states, new, strict=True):
            by_slot = state.swapaxes(1, -2)  # (rows, slots, heads, size); old: (rows, slots, units)
            by_slot[rows, positions] = token.reshape(len(rows), *by_slot.shape[2:])
        return states


class SlottedLanguageModel(SlottedDecoder):
    """A decoder of slots that starts after a prompt."""

    def __init__(self, encoder, decoder):
        super().__init__(encoder, decoder)
        self.has_attention = False  # to a source

    def begin(self, ids, max_length):
        """Reads prompts, all but their last tokens; see `generation.loop`."""
        states, memory, _ = super().begin(ids, max_length)
        return states, memory, ids[np.arange(len(ids)), np.count_nonzero(ids, axis=1) - 1]
