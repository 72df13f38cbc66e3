"""Corpus metrics on texts: BLEU, chrF, word error rate, exact match, and variety.

All but the last take hypotheses and, for each, one reference (str) or several (list of str).
"""

import re
from collections.abc import Sequence

from seq2seq.checks import check_whole
from seq2seq.data.corpus import check_pairs
from seq2seq.text.spacing import HAN, is_chinese

References = Sequence[str | Sequence[str]]

_words = re.compile(rf"[{HAN}]|[^\s{HAN}]+")


def bleu(hypotheses: Sequence[str], references: References, tokenize: str | None = None) -> float:
    """Returns the corpus BLEU of Papineni et al. 2002, computed by sacreBLEU (Post 2018).

    Compare scores only with others of the same tokenization.

    Args:
        hypotheses: Sequence of str, what a model generated.
        references: Sequence of the same length of str or lists of str.
        tokenize: Name of a sacreBLEU tokenizer. Defaults to `None`: `"zh"` (each Chinese character
            a token) if the references are mostly Chinese, else `"13a"` (the usual one).

    Returns:
        float, from 0 to 100.

    Raises:
        ValueError: If the lists differ in length or are empty, or the tokenizer is unknown.
        ImportError: If sacreBLEU is not installed.

    Example:

    >>> round(bleu(["今天天气很好。"], ["今天天气真好。"]), 1)
    48.9

    References:

    - [Papineni et al., 2002](https://aclanthology.org/P02-1040)
    - [Post, 2018](https://aclanthology.org/W18-6319)
    """
    lists = _reference_lists(hypotheses, references)
    metrics = _sacrebleu().metrics
    if tokenize is None:
        tokenize = "zh" if is_chinese(text for texts in lists for text in texts) else "13a"
    elif tokenize not in metrics.BLEU.TOKENIZERS:
        raise ValueError(
            f"Expected `tokenize` to be one of {', '.join(metrics.BLEU.TOKENIZERS)}. Received: "
            f"{tokenize!r}. Leave it out to have one chosen."
        )
    return _corpus_score(metrics.BLEU(tokenize=tokenize, force=True), hypotheses, lists)


def chrf(hypotheses: Sequence[str], references: References) -> float:
    """Returns the corpus chrF of Popović 2015, the F2 score of character 1- to 6-grams (sacreBLEU).

    It needs no tokenization, which suits Chinese and languages with many word forms.

    Args:
        hypotheses: Sequence of str, what a model generated.
        references: Sequence of the same length of str or lists of str.

    Returns:
        float, from 0 to 100.

    Raises:
        ValueError: If the lists differ in length or are empty.
        ImportError: If sacreBLEU is not installed.

    Example:

    >>> round(chrf(["the cat sat"], [["the cats sat", "a cat sat"]]), 1)
    68.7

    References:

    - [Popović, 2015](https://aclanthology.org/W15-3049)
    - [Post, 2018](https://aclanthology.org/W18-6319)
    """
    lists = _reference_lists(hypotheses, references)
    return _corpus_score(_sacrebleu().metrics.CHRF(), hypotheses, lists)


def word_error_rate(hypotheses: Sequence[str], references: References) -> float:
    """Returns the words inserted, deleted and replaced, over the words of the references.

    Words are separated by white space; a Chinese character is a word of its own. Of several
    references the one with the fewest errors counts, the first in a tie. (For the pronunciations of
    single words, the literature calls `1 - exact_match` by this name.)

    Args:
        hypotheses: Sequence of str, what a model generated.
        references: Sequence of the same length of str or lists of str.

    Returns:
        float, 0 if everything is right; 1 means as many errors as words, and more is possible.

    Raises:
        ValueError: If the lists differ in length or are empty, or no reference holds a word.

    Example:

    >>> word_error_rate(["K AE T S", "D AO G"], ["K AE T", ["D AA G", "D AO G"]])
    0.16666666666666666
    """
    errors = length = 0
    for hypothesis, texts in zip(hypotheses, _reference_lists(hypotheses, references), strict=True):
        words, candidates = _words.findall(hypothesis), map(_words.findall, texts)
        fewest, words_of_best = min(
            ((_edit_distance(words, reference), len(reference)) for reference in candidates),
            key=lambda candidate: candidate[0],
        )
        errors, length = errors + fewest, length + words_of_best
    if not length:
        raise ValueError(
            "Expected references with at least one word. Received only empty texts. Check that "
            "hypotheses and references are not swapped and the references were read."
        )
    return errors / length


def exact_match(hypotheses: Sequence[str], references: References) -> float:
    """Returns the share of hypotheses that equal their reference, or any of several.

    Texts are compared as they are, except for runs of white space.

    Args:
        hypotheses: Sequence of str, what a model generated.
        references: Sequence of the same length of str or lists of str.

    Returns:
        float, from 0 to 1.

    Raises:
        ValueError: If the lists differ in length or are empty.

    Example:

    >>> exact_match(["K AE T", "D AO G"], ["K AE T S", ["D AA G", "D AO G"]])
    0.5
    """
    lists = _reference_lists(hypotheses, references)
    right = [
        hypothesis.split() in [text.split() for text in texts]
        for hypothesis, texts in zip(hypotheses, lists, strict=True)
    ]
    return sum(right) / len(right)


def distinct(texts: Sequence[str], n: int = 1) -> float:
    """Returns the share of n-grams of texts that are distinct, a measure of variety.

    Li et al. 2016, https://aclanthology.org/N16-1014, section 5.1. Words are separated by white
    space; a Chinese character is a word of its own.

    Args:
        texts: Sequence of str, what a model generated.
        n: Length of the n-grams. Defaults to 1.

    Returns:
        float, from 0 to 1; 0 if no text is long enough. It falls with the number and length of the
        texts, so compare equally many.

    Raises:
        ValueError: If they are no texts, or `n` is below 1.

    Example:

    >>> distinct(["the cat sat", "the dog sat"], n=1)
    0.6666666666666666
    """
    check_whole("n", n)
    if isinstance(texts, str) or not _are_texts(list(texts)):
        raise ValueError(f"Expected a list of texts. Received: {texts!r:.60}.")
    grams = []
    for text in texts:
        words = _words.findall(text)
        grams += zip(*(words[i:] for i in range(n)), strict=False)
    return len(set(grams)) / len(grams) if grams else 0.0


TEXT_METRICS = {
    "bleu": bleu,
    "chrf": chrf,
    "wer": word_error_rate,
    "exact": exact_match,
}


def check_metrics(metrics: Sequence[str], known: Sequence[str]) -> None:
    """Raises a `ValueError` unless these are names of known metrics."""
    for name in [metrics] if isinstance(metrics, str) else metrics:
        if name not in known or isinstance(metrics, str):
            raise ValueError(
                f"Expected a list of metrics of {', '.join(known)}. Received: {name!r}."
            )


def group_references(
    sources: Sequence[str], targets: Sequence[str]
) -> tuple[list[str], list[list[str]]]:
    """Groups the targets of equal sources, so that each source is generated from and judged once.

    Args:
        sources: Sequence of str, with repetitions.
        targets: Sequence of str of the same length.

    Returns:
        The distinct sources in the order they were first seen, and for each the list of its
        distinct targets, the `references` of the metrics here.

    Raises:
        ValueError: If the sides differ in length or are empty.

    Example:

    >>> group_references(["dog", "cat", "dog"], ["D AA G", "K AE T", "D AO G"])
    (['dog', 'cat'], [['D AA G', 'D AO G'], ['K AE T']])
    """
    check_pairs(sources, targets)
    groups = {}
    for source, target in zip(sources, targets, strict=True):
        groups.setdefault(source, {})[target] = None
    return list(groups), [list(group) for group in groups.values()]


def _reference_lists(hypotheses: Sequence[str], references: References) -> list[Sequence[str]]:
    """Returns a list of references for each hypothesis, after checking both."""
    for name, texts in (("hypotheses", hypotheses), ("references", references)):
        if isinstance(texts, str) or not len(texts):
            raise ValueError(
                f"Expected `{name}` to be a list of at least one text. Received: {texts!r}. Put a "
                "single text in a list."
            )
    if len(hypotheses) != len(references):
        raise ValueError(
            f"Expected as many references as hypotheses. Received {len(hypotheses)} hypotheses and "
            f"{len(references)} references. Several references of one hypothesis go into a list of "
            "their own."
        )
    lists = [[item] if isinstance(item, str) else item for item in references]
    for i, (hypothesis, texts) in enumerate(zip(hypotheses, lists, strict=True)):
        if not isinstance(hypothesis, str) or not _are_texts(texts):
            raise ValueError(
                f"Expected a text and one or more references in row {i}. Received: {hypothesis!r} "
                f"with {texts!r}. Leave the row out of both lists."
            )
    return lists


def _are_texts(texts) -> bool:
    several = isinstance(texts, (list, tuple)) and len(texts) > 0
    return several and all(isinstance(text, str) for text in texts)


def _sacrebleu():
    try:
        import sacrebleu
    except ImportError as error:
        raise ImportError(
            "BLEU and chrF need sacreBLEU: pip install sacrebleu, or "
            'pip install "keras-seq2seq[metrics]"'
        ) from error
    return sacrebleu


def _corpus_score(metric, hypotheses: Sequence[str], lists: Sequence[Sequence[str]]) -> float:
    # sacreBLEU takes the first references of all rows, then the second ones, with None for a gap.
    most = max(map(len, lists))
    streams = [[texts[i] if i < len(texts) else None for texts in lists] for i in range(most)]
    return metric.corpus_score(list(hypotheses), streams).score


def _edit_distance(left: Sequence[str], right: Sequence[str]) -> int:
    """Returns the fewest insertions, deletions and replacements that turn one into the other."""
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]
