"""Metrics of a model on texts it has not seen."""

from collections.abc import Sequence

from seq2seq.evaluation.metric_names import DEFAULT_METRICS, KNOWN_METRICS, VARIETY
from seq2seq.evaluation.text_metrics import (
    TEXT_METRICS,
    check_metrics,
    distinct,
    group_references,
)
from seq2seq.generation.samplers import get_sampler
from seq2seq.tasks.classification_report import ClassificationReport


def evaluate_model(
    model,
    sources: Sequence[str],
    targets: Sequence | None = None,
    metrics: Sequence[str] | None = None,
    sampler=None,
    max_length: int | None = None,
    batch_size: int = 64,
    verbose="auto",
) -> dict:
    """Evaluates a model on texts.

    `loss` (nats per token) and `perplexity` (its exponential) are means over all predicted tokens,
    including the end of each text; `accuracy` is the share predicted correctly, given the true ones
    before them. `character_perplexity` averages the same sum over characters, the end counting as
    one, so that models with different tokenizers can be compared. `coverage` is the share of tokens
    (of the targets, for a `Seq2Seq`) that are in the vocabulary; `source_coverage` is that of the
    sources. `distinct_1` and `distinct_2` measure the variety of generated texts: those that a
    `Seq2Seq` makes from the sources, or that a language model writes, as many as given, at most
    100. `bleu`, `chrf`, `wer` and `exact` compare generated texts with all the targets that a
    source has in these pairs. For a `TextClassifier` see `classification_report`; its loss is per
    text. For a `MaskedLanguageModel` the predicted tokens are those that it hides.

    Args:
        model: A `Seq2Seq`, `Transformer`, `LanguageModel`, `TransformerLanguageModel`,
            `MaskedLanguageModel`, `NGramModel` or `TextClassifier`.
        sources: Sequence of str.
        targets: Sequence of the same length: texts for a `Seq2Seq`, labels for a `TextClassifier`.
            Defaults to `None`, for a language model.
        metrics: Names, in the order wanted. Defaults to `None`: all but `source_coverage`, `bleu`,
            `chrf`, `wer` and `exact`.
        sampler: Sampler of the generated texts. Defaults to `None`: `"greedy"`, and
            `Sample(seed=0)` for a language model.
        max_length: Maximum number of generated tokens. Defaults to `None`, as in `generate`.
        batch_size: Defaults to 64.
        verbose: See `Seq2Seq.generate`; for the texts that are generated. Defaults to `"auto"`.

    Returns:
        Dict of floats by name; for a `TextClassifier` without `metrics` a `ClassificationReport`.

    Raises:
        ValueError: If a metric is unknown to the model, texts and targets do not match, or the
            sampler gives several results.

    Example:

    >>> evaluate_model(model, english, chinese, metrics=["perplexity", "chrf"])  # doctest: +SKIP
    {'perplexity': 12.3, 'chrf': 25.1}
    """
    task = getattr(model, "task", None)
    if task not in KNOWN_METRICS:
        raise ValueError(
            f"Expected a model of this package that writes or labels texts. Received: {model!r}."
        )
    model.check_examples(sources, targets)
    names = DEFAULT_METRICS[task] if metrics is None else metrics
    check_metrics(names, KNOWN_METRICS[task])
    if get_sampler(sampler or "greedy").num_results > 1:
        raise ValueError(
            f"Expected a sampler with one result per text. Received: {sampler!r}. Leave out "
            "`num_results`."
        )
    generated = (VARIETY.keys() | TEXT_METRICS.keys()) & set(names)
    results = {}
    if set(names) - generated - {"coverage", "source_coverage"}:
        results = model.measure(sources, targets, batch_size)
    if {"coverage", "source_coverage"} & set(names):
        results.update(model.coverage(sources, targets))
    if generated:
        options = sampler, max_length, batch_size, verbose
        results.update(_judge(model, sources, targets, generated, *options))
    if metrics is None and isinstance(results, ClassificationReport):
        return results  # it prints as a table
    return {name: results[name] for name in names}


def _judge(model, sources, targets, names, *options):
    """Returns the metrics of generated texts."""
    references = None
    if targets is not None:
        sources, references = group_references(sources, targets)
    hypotheses = model.write(sources, *options)
    results = {name: distinct(hypotheses, VARIETY[name]) for name in VARIETY.keys() & names}
    for name in TEXT_METRICS.keys() & names:
        results[name] = TEXT_METRICS[name](hypotheses, references)
    return results
