"""From options of the command line to tokenizers."""

from collections.abc import Callable, Sequence

from seq2seq.commands.options import flag, given
from seq2seq.text import (
    ByteLevelTokenizer,
    CharTokenizer,
    JiebaTokenizer,
    SubwordTokenizer,
    Tokenizer,
    WordPieceTokenizer,
    WordTokenizer,
)
from seq2seq.text.spacing import is_chinese

KINDS = {
    "char": CharTokenizer,
    "word": WordTokenizer,
    "jieba": JiebaTokenizer,
    "subword": SubwordTokenizer,
    "byte": ByteLevelTokenizer,
    "wordpiece": WordPieceTokenizer,
}
SHARED = ("max_tokens", "min_frequency", "lowercase")
OF_JIEBA = ("user_dictionary", "stop_words", "hmm")
OF_SUBWORDS = {"subword_algorithm": "algorithm", "byte_fallback": "byte_fallback"}
OF_TASKS = {"classify": "char", "fill": "wordpiece"}
AUTO = "default: auto, jieba for Chinese and word for the rest"


def add_side_tokenizers(parser) -> None:
    """Adds the options of the tokenizers of sources and targets to a parser that has no tasks."""
    for side in ("source", "target"):
        add_tokenizer(parser.add_argument_group(f"{side} tokenizer").add_argument, f"{side}_")
    add_shared(parser.add_argument_group("both tokenizers"))


def add_tokenizer(add: Callable, prefix: str, auto: str = AUTO) -> None:
    """Adds the options of one tokenizer.

    Args:
        add: Adds an option, as `add_argument` of a parser does.
        prefix: What their names begin with: `"source_"`, `"target_"` or nothing.
        auto: Help of the option that chooses the tokenizer.
    """
    add(flag(f"{prefix}tokenizer"), choices=("auto", *KINDS), help=auto)
    add(flag(f"{prefix}user_dictionary"), metavar="FILE", help="words for jieba")
    add(flag(f"{prefix}stop_words"), metavar="FILE", help="words that jieba drops")
    add(
        flag(f"{prefix}no_hmm"),
        dest=f"{prefix}hmm",
        action="store_const",
        const=False,
        help="jieba must not guess words",
    )


def add_shared(group) -> None:
    """Adds the options that all tokenizers share, and those that all subword tokenizers share."""
    group.add_argument(
        "--max-tokens", type=int, help="default: no limit; for subwords of all kinds 8000"
    )
    group.add_argument("--min-frequency", type=int, help="default: 1")
    group.add_argument("--lowercase", action="store_const", const=True)
    group.add_argument(
        "--subword-algorithm", metavar="{bpe,unigram}", help="for subword; default: bpe"
    )
    group.add_argument(
        "--byte-fallback",
        action="store_const",
        const=True,
        help="for subword: unknown characters become bytes",
    )


def make_tokenizers(options, texts: dict[str, Sequence[str]]) -> list[Tokenizer]:
    """Returns tokenizers without a vocabulary.

    Args:
        options: Options of a command.
        texts: The texts of each tokenizer, by the prefix of its options; they choose its kind
            unless the options name it.

    Raises:
        ValueError: If an option belongs to another kind of tokenizer.
    """
    kinds = {prefix: _kind(options, prefix, texts[prefix]) for prefix in texts}
    of_subwords = given(options, *OF_SUBWORDS)
    if of_subwords and "subword" not in kinds.values():
        raise ValueError(
            f"Expected {' or '.join(flag(prefix + 'tokenizer') for prefix in texts)} subword with "
            f"{' and '.join(map(flag, of_subwords))}. Received: {' and '.join(kinds.values())}. "
            "Leave it out."
        )
    return [KINDS[kind](**_arguments(options, prefix, kind)) for prefix, kind in kinds.items()]


def check_tokenizer(options, prefix: str, tokenizer: Tokenizer, path) -> None:
    """Raises a `ValueError` for options that the tokenizer of a saved model was not made with."""
    kinds = [kind for kind, made in KINDS.items() if made is type(tokenizer)]
    wanted = getattr(options, f"{prefix}tokenizer") or "auto"
    if not kinds:  # a custom tokenizer
        return
    (kind,) = kinds
    if wanted not in ("auto", kind):
        raise _differs(path, f"{flag(prefix + 'tokenizer')} {kind}", wanted)
    arguments = _arguments(options, prefix, kind)
    made = KINDS[kind](**arguments)  # reads files of words
    for name in arguments:
        if getattr(made, name) != getattr(tokenizer, name):
            raise _differs(path, f"{name}={getattr(tokenizer, name)!r:.60}", arguments[name])


def _kind(options, prefix, texts):
    kind = getattr(options, f"{prefix}tokenizer") or "auto"
    if kind != "auto":
        return kind
    if of_task := OF_TASKS.get(getattr(options, "task", None)):
        return of_task
    return "jieba" if is_chinese(texts) else "word"


def _arguments(options, prefix, kind) -> dict:
    """Returns the given arguments of a tokenizer of this kind."""
    arguments = given(options, *SHARED)
    of_jieba = given(options, *(prefix + name for name in OF_JIEBA))
    of_jieba = {name.removeprefix(prefix): value for name, value in of_jieba.items()}
    if kind == "jieba":
        arguments |= of_jieba
    elif of_jieba:
        raise ValueError(
            f"Expected {flag(prefix + 'tokenizer')} jieba with words or settings for jieba. "
            f"Received: the tokenizer {kind} and {', '.join(of_jieba)}. Leave these out."
        )
    if kind == "subword":
        of_subwords = given(options, *OF_SUBWORDS)
        arguments |= {OF_SUBWORDS[name]: value for name, value in of_subwords.items()}
    return arguments


def _differs(path, saved, received):
    return ValueError(
        f"Expected --resume with the tokenizer of {path}: {saved}. Received: {received}. Leave the "
        "option out, or start over without --resume."
    )
