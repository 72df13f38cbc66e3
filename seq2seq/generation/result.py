"""The results of a generation, and how a notebook shows them."""

import html
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

MAX_ROWS = 100  # of a table in a notebook


@dataclass(frozen=True, eq=False)
class Generation:
    """One generated text.

    Attributes:
        text: The text, that of a language model with its prompt; `None` where the model has no
            target tokenizer.
        tokens: The generated tokens without `EOS`, or `None` likewise.
        ids: The generated ids, `EOS` included unless the text was cut off.
        score: Sum of the log probabilities of the ids.
        normalised_score: The score divided by Wu et al.'s length penalty.
        token_scores: Log probability of each id, float32 `(len(ids),)`.
        alternatives: For each id the most probable tokens there (ids without a target tokenizer)
            with their probabilities, as lists of pairs.
        attention: Attention weights, float32 `(len(ids), len(source_tokens))`, or `None` without
            attention.
        source_tokens: The source's tokens with `EOS`, or the prompt's (ids without a source
            tokenizer).
        attention_by_head: Of a Transformer, the weights of every head of every layer on the source,
            float32 `(layers, heads, len(ids), len(source_tokens))`; `attention` is the mean over
            the heads of the last layer. `None` of others.

    Example:

    >>> result = model.generate("good morning", return_details=True)
    >>> pairs = list(zip(result.labels, result.token_scores))
    """

    text: str | None
    tokens: list[str] | None
    ids: list[int]
    score: float
    normalised_score: float
    token_scores: np.ndarray = field(repr=False)
    alternatives: list[list[tuple[str | int, float]]] = field(repr=False)
    attention: np.ndarray | None = field(repr=False)
    source_tokens: list[str | int] = field(repr=False)
    attention_by_head: np.ndarray | None = field(default=None, repr=False)

    @property
    def labels(self) -> list[str]:
        """The label of each id: its token, or its number if there is none; `[EOS]` at the end."""
        if self.tokens is None:
            return list(map(str, self.ids))
        return self.tokens + ["[EOS]"] * (len(self.ids) - len(self.tokens))

    def _repr_html_(self) -> str:
        """Shows the tokens shaded by probability, and the attention as a heat map."""
        text = f"<p>{self.shaded_tokens()}</p><p>log probability {self.score:.2f}</p>"
        return text if self.attention is None else text + self._heat_map()

    def shaded_tokens(self) -> str:
        """Returns the tokens as HTML, shaded by probability."""
        return "".join(
            f'<span title="{_alternatives(others)}" style="{_shade(np.exp(score))}">'
            f"{html.escape(label)}</span> "
            for label, score, others in zip(
                self.labels, self.token_scores, self.alternatives, strict=True
            )
        )

    def _heat_map(self) -> str:
        head = "".join(f"<th>{html.escape(str(token))}</th>" for token in self.source_tokens)
        rows = "".join(
            f"<tr><th>{html.escape(label)}</th>"
            + "".join(f'<td title="{weight:.2f}" style="{_shade(weight)}"></td>' for weight in row)
            + "</tr>"
            for label, row in zip(self.labels, self.attention, strict=True)
        )
        return f"<table><tr><th></th>{head}</tr>{rows}</table>"


class Generations(list):
    """A list of `Generation` objects, or of lists of them, that a notebook shows as one table."""

    def __getitem__(self, index):
        found = super().__getitem__(index)
        return Generations(found) if isinstance(index, slice) else found

    def _repr_html_(self) -> str:
        """Shows a row for each result: its source or prompt, its tokens and its score."""
        rows = [
            f"<tr><td>{place}</td><td>{html.escape(' '.join(map(str, result.source_tokens)))}</td>"
            f"<td>{result.shaded_tokens()}</td><td>{result.score:.2f}</td></tr>"
            for place, results in enumerate(self[:MAX_ROWS])
            for result in (results if isinstance(results, list) else [results])
        ]
        head = "<tr><th></th><th>from</th><th>tokens</th><th>log probability</th></tr>"
        left_out = len(self) - MAX_ROWS
        more = f"<p>and {left_out} more</p>" if left_out > 0 else ""
        return f"<table>{head}{''.join(rows)}</table>{more}"


def in_form(groups: Iterable[list], num_results: int, are_details: bool) -> list:
    """Returns the results of all inputs: a list for each, or where there is only one itself."""
    form = Generations if are_details else list
    groups = map(form, groups)
    return form(group[0] for group in groups) if num_results == 1 else form(groups)


def as_lines(results: Iterable) -> list[tuple[str, dict]]:
    """Returns for each text, or list of texts, a line for a shell and an object for JSON."""
    results = list(results)
    lines = ["\t".join(map(_in_a_line, row if isinstance(row, list) else [row])) for row in results]
    return [(line, {"text": row}) for line, row in zip(lines, results, strict=True)]


def _in_a_line(text: str) -> str:
    """Returns a text without what ends a line or a column."""
    return " ".join(text.replace("\t", " ").splitlines())


def _shade(share) -> str:
    return f"background: rgba(31, 119, 180, {float(share):.2f}); padding: 2px 4px"


def _alternatives(others) -> str:
    return html.escape(", ".join(f"{token} {share:.2f}" for token, share in others), quote=True)
