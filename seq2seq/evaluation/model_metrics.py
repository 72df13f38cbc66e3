"""Figures of a whole model on texts it has not seen."""

import math
from collections.abc import Sequence

import numpy as np

from seq2seq.data.corpus import check_pairs
from seq2seq.data.rows import check_texts
from seq2seq.evaluation.text_metrics import (
    TEXT_METRICS,
    check_metrics,
    distinct,
    group_references,
)
from seq2seq.generation.samplers import Sample, get_sampler
from seq2seq.models.classifier import TextClassifier
from seq2seq.models.language_model import LanguageModel
from seq2seq.models.metrics import Accuracy, Perplexity
from seq2seq.models.ngram import NGramModel
from seq2seq.models.seq2seq import Seq2Seq
from seq2seq.text.vocabulary import EOS, UNK

VARIETY = {"distinct_1": 1, "distinct_2": 2}
DEFAULT_METRICS = {
    Seq2Seq: ("loss", "perplexity", "character_perplexity", "accuracy", "coverage", *VARIETY),
    LanguageModel: ("loss", "perplexity", "character_perplexity", "coverage", *VARIETY),
    NGramModel: ("loss", "perplexity", "character_perplexity", "coverage", *VARIETY),
    TextClassifier: (
        "loss",
        "accuracy",
        "macro_precision",
        "macro_recall",
        "macro_f1",
        "coverage",
        "classes",
        "confusion_matrix",
    ),
}
KNOWN_METRICS = {
    **DEFAULT_METRICS,
    Seq2Seq: (*DEFAULT_METRICS[Seq2Seq], "source_coverage", *TEXT_METRICS),
}
SAMPLES = 100  # texts that a language model writes to have their variety measured


def evaluate_model(
    model,
    sources: Sequence[str],
    targets: Sequence | None = None,
    metrics: Sequence[str] | None = None,
    sampler=None,
    max_length: int = 100,
    batch_size: int = 64,
) -> dict:
    """Measures a model on texts.

    `loss` (nats a token) and `perplexity` (its exponential) are means over all tokens predicted,
    the end of a text included, `accuracy` the share predicted right, given the true ones before
    them. `character_perplexity` spreads the same sum over characters, the end counting as one, so
    that models of different tokenizers compare. `coverage` is the share of tokens, of targets in a
    `Seq2Seq`, that are in the vocabulary; `source_coverage` that of its sources. `distinct_1` and
    `distinct_2` tell the variety of generated texts: what a `Seq2Seq` makes of the sources, or as
    many texts, 100 at most, as a language model writes. `bleu`, `chrf`, `wer` and `exact` compare
    generated texts with all the targets that a source has in these pairs. Of a `TextClassifier` see
    `classification_report`; its loss is a text's.

    Args:
        model: A `Seq2Seq`, `LanguageModel`, `NGramModel` or `TextClassifier`.
        sources: Sequence of str.
        targets: Sequence of the same length: texts for a `Seq2Seq`, labels for a `TextClassifier`.
            Defaults to `None`, for a language model.
        metrics: Names, in the order wanted. Defaults to `None`: all but `source_coverage`, `bleu`,
            `chrf`, `wer` and `exact`.
        sampler: Sampler of the generated texts. Defaults to `None`: `"greedy"`, and
            `Sample(seed=0)` for a language model.
        max_length: Most tokens generated. Defaults to 100.
        batch_size: Defaults to 64.

    Returns:
        Dict of floats by name; of a `TextClassifier` without `metrics` the `ClassificationReport`.

    Raises:
        ValueError: If a metric is unknown to the model, texts and targets do not fit together, or
            the sampler gives several results.

    Example:

    >>> evaluate_model(model, english, chinese, metrics=["perplexity", "chrf"])  # doctest: +SKIP
    {'perplexity': 12.3, 'chrf': 25.1}
    """
    kind = next((kind for kind in KNOWN_METRICS if isinstance(model, kind)), None)
    if kind is None:
        raise ValueError(f"Expected a model of this package. Received: {model!r}.")
    if any(getattr(model, f"{side}tokenizer") is None for _, side in getattr(model, "sides", ())):
        raise ValueError("Expected a model with tokenizers. Received one made for ids.")
    all_metrics = metrics is None
    metrics = DEFAULT_METRICS[kind] if all_metrics else metrics
    check_metrics(metrics, KNOWN_METRICS[kind])
    if get_sampler(sampler or "greedy").num_results > 1:
        raise ValueError(
            f"Expected a sampler of one result a text. Received: {sampler!r}. Leave out "
            "`num_results`."
        )
    if kind is Seq2Seq:
        check_pairs(sources, targets if targets is not None else ())
        results = _evaluate_seq2seq(
            model, sources, targets, set(metrics), sampler or "greedy", max_length, batch_size
        )
    elif kind is TextClassifier:
        results = model.evaluate(sources, targets, batch_size)
        if "coverage" in metrics:
            results["coverage"] = _coverage(model.tokenizer.encode_all(sources))
        if all_metrics:
            return results
    else:
        check_texts(sources)
        if targets is not None:
            raise ValueError("Expected texts alone for a language model. Received targets too.")
        results = _evaluate_language_model(
            model, sources, set(metrics), sampler or Sample(seed=0), max_length
        )
    return {name: results[name] for name in metrics}


def _evaluate_seq2seq(model, sources, targets, metrics, sampler, max_length, batch_size):
    results = {}
    if "coverage" in metrics:
        results["coverage"] = _coverage(model.target_tokenizer.encode_all(targets))
    if "source_coverage" in metrics:
        results["source_coverage"] = _coverage(model.source_tokenizer.encode_all(sources))
    if {"loss", "perplexity", "character_perplexity", "accuracy"} & metrics:
        results |= _token_metrics(model, sources, targets, batch_size)
    if (TEXT_METRICS.keys() | VARIETY.keys()) & metrics:
        unique, references = group_references(sources, targets)
        hypotheses = model.generate(unique, max_length, sampler, batch_size)
        results |= {name: distinct(hypotheses, n) for name, n in VARIETY.items()}
        for name in TEXT_METRICS.keys() & metrics:
            results[name] = TEXT_METRICS[name](hypotheses, references)
    return results


def _evaluate_language_model(model, texts, metrics, sampler, max_length):
    rows = model.tokenizer.encode_all(texts)
    results = {"coverage": _coverage(rows)}
    if {"loss", "perplexity", "character_perplexity"} & metrics:
        rows = [[*row, EOS] for row in rows]
        nats = -float(model.score(rows).sum(dtype="float64"))
        results |= _perplexities(nats, sum(map(len, rows)), texts)
    if VARIETY.keys() & metrics:
        samples = model.generate([""] * min(SAMPLES, len(texts)), max_length, sampler)
        results |= {name: distinct(samples, n) for name, n in VARIETY.items()}
    return results


def _token_metrics(model, sources, targets, batch_size):
    accuracy, perplexity, tokens = Accuracy(), Perplexity(), 0
    for inputs, labels in model.make_dataset(sources, targets, batch_size):
        inputs = {name: ids.numpy() for name, ids in inputs.items()}
        probabilities = model.predict_on_batch(inputs)
        accuracy.update_state(labels.numpy(), probabilities)
        perplexity.update_state(labels.numpy(), probabilities)
        tokens += np.count_nonzero(labels)
    nats = tokens * math.log(float(perplexity.result()))
    return {**_perplexities(nats, tokens, targets), "accuracy": float(accuracy.result())}


def _perplexities(nats, tokens, texts):
    characters = sum(len(text) + 1 for text in texts)
    return {
        "loss": nats / tokens,
        "perplexity": math.exp(nats / tokens),
        "character_perplexity": math.exp(nats / characters),
    }


def _coverage(rows):
    """Returns the share of the tokens of encoded texts that are in the vocabulary."""
    ids = [i for row in rows for i in row]
    return 1 - ids.count(UNK) / len(ids) if ids else 1.0
