"""The corpus report: what is in the pairs, and what will hurt training."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from seq2seq.checks import check_whole
from seq2seq.data.corpus import Pairs, check_pairs
from seq2seq.text.spacing import is_chinese
from seq2seq.text.tokenizers import JiebaTokenizer, Tokenizer, WordTokenizer
from seq2seq.text.vocabulary import Vocabulary

_MIB = 2**20
_PERCENTILES = {"min": 0, "median": 50, "p90": 90, "p99": 99, "max": 100}

Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class SideReport:
    """The figures of one side. Shares are fractions; lengths are in tokens, without EOS."""

    tokenizer: str
    empty: int
    repeated: int
    replacement_characters: int
    lengths: dict[str, int]
    truncated: float
    distinct_tokens: int
    vocabulary_size: int
    unknown: float
    unknown_validation: float | None


@dataclass(frozen=True)
class CorpusReport:
    """What `inspect_pairs` found. `print` lays it out for reading; `to_dict` is for JSON."""

    pairs: int
    source: SideReport
    target: SideReport
    repeated_pairs: int
    identical_sides: int
    unusual_ratios: int
    shared: dict[str, int] | None
    validation_pairs: int | None
    batch_size: int
    max_length: int
    batches: int
    corpus_mib: float
    batch_mib: float

    @property
    def warnings(self) -> list[str]:
        """The suspicious figures, in words."""
        return [f"{label.strip()}: {remark}" for label, _, _, remark in self._rows() if remark]

    def to_dict(self) -> dict:
        """Returns all figures and warnings as plain dicts, lists, numbers and strings."""
        return {**asdict(self), "warnings": self.warnings}

    def __str__(self) -> str:
        rows = list(self._rows())
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [f"{self.pairs:,} pairs, {len(self.warnings)} of the figures suspicious", ""]
        for label, left, right, remark in rows:
            line = f"{label:<{widths[0]}}  {left:>{widths[1]}}  {right:>{widths[2]}}"
            lines.append(f"{line}  <- {remark}" if remark else line.rstrip())
        return "\n".join(lines)

    def _rows(self) -> Iterator[Row]:
        """Yields label, two figures and a remark, which is empty if nothing is suspicious."""
        yield "", "source", "target", ""
        yield from _side_rows(self)
        yield "", "", "", ""
        yield "", "pairs", "", ""
        yield from _pair_rows(self)
        yield "", "", "", ""
        yield f"training, {self.batch_size} a batch", "", "", ""
        yield "  batches an epoch", f"{self.batches:,}", "", ""
        yield "  MiB, encoded corpus", f"{self.corpus_mib:,.1f}", "", ""
        remark = "lower `batch_size`, `max_length` or the target's `max_tokens`"
        high = self.batch_mib > 1024
        yield "  MiB, largest output", f"{self.batch_mib:,.1f}", "", remark if high else ""


def inspect_pairs(
    sources: Sequence[str],
    targets: Sequence[str],
    source: Tokenizer | None = None,
    target: Tokenizer | None = None,
    validation: Pairs | None = None,
    batch_size: int = 64,
    max_length: int = 200,
) -> CorpusReport:
    """Reports what matters about a corpus before a model is trained on it.

    Args:
        sources: Sequence of str.
        targets: Sequence of str of the same length.
        source: Tokenizer of the sources; one without a vocabulary is judged by the vocabulary these
            texts would give it, and is not changed. Defaults to `None`, which means a
            `JiebaTokenizer` for texts mostly in Chinese, else a `WordTokenizer`.
        target: Tokenizer of the targets, likewise. Defaults to `None`.
        validation: Tuple `(sources, targets)` to check against these. Defaults to `None`.
        batch_size: Pairs per batch. Defaults to 64.
        max_length: Maximum row length in tokens, EOS included. Defaults to 200.

    Returns:
        A `CorpusReport`.

    Raises:
        ValueError: If the sides differ in length or are empty, or a number is below 1.

    Example:

    >>> report = inspect_pairs(["Hi.", "Hi.", "Run!"], ["嗨。", "嗨。", "跑！"])
    >>> report.repeated_pairs
    1
    >>> print(report)  # doctest: +SKIP
    """
    check_pairs(sources, targets)
    check_whole("batch_size", batch_size)
    check_whole("max_length", max_length)
    if validation is not None:
        check_pairs(*validation, "validation: ")
    source_side, source_lengths = _inspect_side(
        sources, source, max_length, validation and validation[0]
    )
    target_side, target_lengths = _inspect_side(
        targets, target, max_length, validation and validation[1]
    )
    pairs = list(zip(sources, targets, strict=True))
    longest = min(target_lengths.max() + 1, max_length)
    ids = sum(np.minimum(n + 1, max_length).sum() for n in (source_lengths, target_lengths))
    return CorpusReport(
        pairs=len(pairs),
        source=source_side,
        target=target_side,
        repeated_pairs=len(pairs) - len(set(pairs)),
        identical_sides=sum(a == b for a, b in pairs),
        unusual_ratios=_unusual_ratios(source_lengths, target_lengths),
        shared=None if validation is None else _shared(sources, targets, *validation),
        validation_pairs=None if validation is None else len(validation[0]),
        batch_size=batch_size,
        max_length=max_length,
        batches=math.ceil(len(pairs) / batch_size),
        corpus_mib=float(ids * 4 / _MIB),  # int32
        batch_mib=float(
            min(batch_size, len(pairs)) * longest * target_side.vocabulary_size * 4 / _MIB
        ),
    )


def _inspect_side(
    texts: Sequence[str],
    tokenizer: Tokenizer | None,
    max_length: int,
    validation: Sequence[str] | None,
) -> tuple[SideReport, np.ndarray]:
    """Returns the figures of one side, and the length of each text."""
    for text in (*texts, *(validation or ())):
        if not isinstance(text, str):
            raise ValueError(f"Expected texts (str). Received: {text!r}.")
    if tokenizer is None:
        tokenizer = JiebaTokenizer() if is_chinese(texts) else WordTokenizer()
    tokens = list(tokenizer.tokenize_all(texts))
    vocabulary = tokenizer.vocabulary
    if vocabulary is None:
        vocabulary = Vocabulary.build(tokens, tokenizer.max_tokens, tokenizer.min_frequency)
    lengths = np.array([len(row) for row in tokens])
    counts = Counter(token for row in tokens for token in row)
    seen = Counter(token for tokens in tokenizer.tokenize_all(validation or ()) for token in tokens)
    side = SideReport(
        tokenizer=type(tokenizer).__name__,
        empty=sum(not text.strip() for text in texts),
        repeated=len(texts) - len(set(texts)),
        replacement_characters=sum("\ufffd" in text for text in texts),
        lengths={
            name: int(np.percentile(lengths, q, method="inverted_cdf"))
            for name, q in _PERCENTILES.items()
        },
        truncated=float(np.mean(lengths + 1 > max_length)),
        distinct_tokens=len(counts),
        vocabulary_size=len(vocabulary),
        unknown=_share_unknown(counts, vocabulary),
        unknown_validation=None if validation is None else _share_unknown(seen, vocabulary),
    )
    return side, lengths


def _share_unknown(counts: Counter, vocabulary: Vocabulary) -> float:
    unknown = sum(count for token, count in counts.items() if token not in vocabulary)
    return unknown / max(1, counts.total())


def _unusual_ratios(source_lengths: np.ndarray, target_lengths: np.ndarray) -> int:
    """Counts pairs, except short ones, whose length ratio is over three times off the median."""
    filled = (source_lengths > 0) & (target_lengths > 0)
    if not filled.any():
        return 0
    ratios = np.log(target_lengths[filled] / source_lengths[filled])
    long = np.maximum(source_lengths, target_lengths)[filled] > 10
    return int(np.sum(long & (np.abs(ratios - np.median(ratios)) > np.log(3))))


def _shared(sources, targets, validation_sources, validation_targets) -> dict[str, int]:
    """Counts the validation rows whose pair, source or target is also in training."""
    pairs, known_sources = set(zip(sources, targets, strict=True)), set(sources)
    known_targets = set(targets)
    validation_pairs = zip(validation_sources, validation_targets, strict=True)
    return {
        "pairs": sum(pair in pairs for pair in validation_pairs),
        "sources": sum(text in known_sources for text in validation_sources),
        "targets": sum(text in known_targets for text in validation_targets),
    }


def _percent(share: float) -> str:
    return f"{100 * share:.{1 if share >= 0.01 or not share else 2}f} %"


def _side_rows(report: CorpusReport) -> Iterator[Row]:
    """Yields the rows with a figure for the source and one for the target."""
    sides, total = (report.source, report.target), report.pairs

    def row(label: str, figures: list, limit: float, remark: str) -> Row:
        shown = [_percent(x) if isinstance(x, float) else f"{x:,}" for x in figures]
        return label, *shown, remark if max(figures) > limit else ""

    def of(name: str) -> list:
        return [getattr(side, name) for side in sides]

    never = math.inf
    yield "tokenizer", *of("tokenizer"), ""
    yield row("empty texts", of("empty"), 0, "remove them: nothing is learned from them")
    partners = "some have several partners: split with split_pairs"
    yield row("repeated texts", of("repeated"), total / 10, partners)
    broken = "U+FFFD: decoded wrongly before, get the file again"
    yield row("broken characters, texts with", of("replacement_characters"), 0, broken)
    yield "tokens in a text", "", "", ""
    labels = ("shortest", "median", "90th percentile", "99th percentile", "longest")
    for label, name in zip(labels, _PERCENTILES, strict=True):
        yield row(f"  {label}", [side.lengths[name] for side in sides], never, "")
    cut = "raise `max_length` or split these texts"
    yield row(f"cut off at {report.max_length} with EOS", of("truncated"), 0.01, cut)
    yield row("distinct tokens", of("distinct_tokens"), never, "")
    large = "more tokens than pairs, too rare to learn: use a CharTokenizer or lower `max_tokens`"
    yield row("vocabulary with 4 specials", of("vocabulary_size"), max(total, 100), large)
    unknown = "become [UNK]: use a CharTokenizer or raise `max_tokens`"
    yield row("unknown tokens, training", of("unknown"), 0.05, unknown)
    if report.shared is not None:
        unseen = "become [UNK]: use a CharTokenizer or train on more pairs"
        yield row("unknown tokens, validation", of("unknown_validation"), 0.05, unseen)


def _pair_rows(report: CorpusReport) -> Iterator[Row]:
    """Yields the rows with one figure, a number of pairs."""

    def row(label: str, count: int, total: int, limit: float, remark: str) -> Row:
        share = _percent(count / total)
        return label, f"{count:,}", share, f"{share} {remark}" if count > limit * total else ""

    total = report.pairs
    copies = "are duplicates: remove them, or they count several times"
    yield row("repeated pairs", report.repeated_pairs, total, 0.01, copies)
    same = "are copies: remove them, unless that is the task"
    yield row("source equal to target", report.identical_sides, total, 0.01, same)
    ratio = "are three times longer or shorter than most: misaligned?"
    yield row("unusual length ratio", report.unusual_ratios, total, 0.01, ratio)
    for name, count in (report.shared or {}).items():
        seen = "are known from training: split with split_pairs"
        yield row(f"validation {name} in training", count, report.validation_pairs, 0, seen)
