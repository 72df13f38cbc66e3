"""From options of the command line to data, tokenizers and samplers, and from results to lines."""

import dataclasses
import json

from seq2seq.data.corpus import read_pairs
from seq2seq.generation.constraints import Constraints
from seq2seq.generation.samplers import BeamSearch, Greedy, Sample, Sampler
from seq2seq.text.spacing import is_chinese
from seq2seq.text.tokenizers import CharTokenizer, JiebaTokenizer, Tokenizer, WordTokenizer


def given(options, *names) -> dict:
    """Returns the options that were given, by name."""
    values = {name: getattr(options, name, None) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def read_data(paths: list[str], columns: list[str] | None) -> tuple[list[str], list[str]]:
    """Reads pairs of one file, or of two."""
    if len(paths) > 2:
        raise ValueError(f"Expected one file of pairs, or two files. Received: {' '.join(paths)}.")
    if columns and all(map(str.isdigit, columns)):
        columns = tuple(map(int, columns))
    return read_pairs(*paths, columns=columns)


def make_tokenizer(options, side: str, texts: list[str]) -> Tokenizer:
    """Returns the tokenizer of a side, chosen by its texts unless the options name it."""
    kind = getattr(options, f"{side}_tokenizer")
    if kind == "auto":
        kind = "jieba" if is_chinese(texts) else "word"
    classes = {"char": CharTokenizer, "word": WordTokenizer, "jieba": JiebaTokenizer}
    arguments = {
        "max_tokens": options.max_tokens,
        "min_frequency": options.min_frequency,
        "lowercase": options.lowercase,
    }
    if kind == "jieba":
        arguments["user_dictionary"] = getattr(options, f"{side}_user_dictionary")
        arguments["stop_words"] = getattr(options, f"{side}_stop_words")
        arguments["hmm"] = not getattr(options, f"{side}_no_hmm")
    return classes[kind](**arguments)


def make_sampler(options) -> Sampler:
    """Returns the sampler that the options ask for.

    Raises:
        ValueError: If an option is of another sampler.
    """
    constraints = {
        field.name: getattr(options, field.name) for field in dataclasses.fields(Constraints)
    }
    samplers = {
        "greedy": (Greedy, ()),
        "sample": (Sample, ("temperature", "top_k", "top_p", "seed")),
        "beam": (BeamSearch, ("width", "length_penalty", "num_results")),
    }
    chosen = options.sampler or "greedy"
    for name, (_, own) in samplers.items():
        if name != chosen and (others := given(options, *own)):
            raise ValueError(
                f"Expected --sampler {name} with --{next(iter(others)).replace('_', '-')}. "
                f"Received: --sampler {chosen}."
            )
    sampler, own = samplers[chosen]
    return sampler(**given(options, *own), **constraints)


def refuse_sampler(options) -> None:
    """Raises a `ValueError` if a sampler was asked for where nothing is generated."""
    if options.sampler is not None:
        raise ValueError(
            "Expected no --sampler with a classifier, which generates nothing. Received: --sampler "
            f"{options.sampler}."
        )


def print_result(options, result: dict, text: str) -> None:
    """Prints a result, as text or with `--json` as that."""
    print(json.dumps(result, ensure_ascii=False, indent=2) if options.json else text)
