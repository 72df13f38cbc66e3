"""SentencePiece models, by the library `sentencepiece` (the extra `pretrained`)."""

import base64
import re
from collections.abc import Iterable, Iterator, Sequence

from seq2seq.keras_registry import keras_serializable
from seq2seq.text.spacing import SPACE
from seq2seq.text.subword import join_bytes
from seq2seq.text.tokenizers import Tokenizer, replace_surrogates
from seq2seq.text.vocabulary import Vocabulary

_language_code = re.compile(r">>.*?<<", re.DOTALL)


@keras_serializable
class SentencePieceTokenizer(Tokenizer):
    """Subwords of a SentencePiece model that was trained elsewhere.

    A space is part of the piece it precedes, written `▁`. The model normalises texts in its own way
    first, most often by Unicode's NFKC, and joins runs of white space; so a text comes back so
    normalised, without what the vocabulary does not hold. A lone surrogate becomes `?`. Where the
    vocabulary holds language codes, as that of a Marian model of several languages does, one at the
    beginning of a text is a token: `>>fra<< Hello`.

    Kudo and Richardson 2018, https://aclanthology.org/D18-2012.

    Args:
        model: The content of a file of SentencePiece: bytes, or their base64 text, which
            `get_config` returns.
        vocabulary: A `Vocabulary`, or its ordinary tokens in order, which may be others than the
            model's pieces. Defaults to `None`, the pieces in the model's order.

    Raises:
        ImportError: If `sentencepiece` is not installed.
        ValueError: If the model is broken.

    Example:

    >>> import io, sentencepiece
    >>> file = io.BytesIO()
    >>> sentencepiece.SentencePieceTrainer.train(
    ...     sentence_iterator=iter(["low lower lowest slow slowest"]),
    ...     model_writer=file, vocab_size=20, model_type="bpe", minloglevel=2)
    >>> tokenizer = SentencePieceTokenizer(file.getvalue())
    >>> tokenizer.tokenize("slow  low")
    ['▁slow', '▁low']
    >>> tokenizer.decode(tokenizer.encode("slow  low"))
    'slow low'
    """

    package = "sentencepiece"

    def __init__(self, model: bytes | str, vocabulary: Vocabulary | Sequence[str] | None = None):
        self._processor = processor = _load(model)
        ids = range(processor.get_piece_size())
        if vocabulary is None:
            kept = [i for i in ids if not (processor.is_control(i) or processor.is_unknown(i))]
            vocabulary = processor.id_to_piece(kept)
        super().__init__(vocabulary=vocabulary)
        self.model = model if isinstance(model, str) else base64.b64encode(model).decode("ascii")
        self.byte_fallback = any(map(processor.is_byte, ids))

    def adapt(self, texts: Iterable[str]) -> "SentencePieceTokenizer":
        """Refuses to learn: the model is as it was trained.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            "Expected a tokenizer that learns from texts. Received: a SentencePieceTokenizer, "
            "whose model was trained elsewhere. Adapt a "
            'SubwordTokenizer(algorithm="unigram") instead.'
        )

    def tokenize(self, text: str) -> list[str]:
        """Splits a text into pieces; characters that the model does not know are pieces too."""
        text, codes = replace_surrogates(self._clean(text)), []
        code = _language_code.match(text)
        if code and code.group() in self.vocabulary:
            text, codes = text[code.end() :], [code.group()]
        return codes + self._processor.encode(text, out_type=str)

    def detokenize(self, tokens: Iterable[str]) -> str:
        """Joins pieces into a text; bytes that are not UTF-8 become U+FFFD."""
        return "".join(self.detokenize_each(tokens))

    def detokenize_each(self, tokens: Iterable[str]) -> Iterator[str]:
        """Yields each piece, a character of bytes with its last; see `Tokenizer`."""
        begins = True
        for piece in join_bytes(tokens) if self.byte_fallback else tokens:
            piece = piece.replace(SPACE, " ")
            yield piece.lstrip(" ") if begins else piece
            begins = begins and not piece.strip(" ")

    def get_config(self) -> dict:
        """Returns the arguments that rebuild this tokenizer, the model included."""
        return {"model": self.model, "vocabulary": super().get_config()["vocabulary"]}


def _load(model):
    try:
        from sentencepiece import SentencePieceProcessor
    except ImportError as error:
        raise ImportError(
            "A SentencePiece model needs the package sentencepiece: pip install sentencepiece, or "
            'pip install "keras-seq2seq[pretrained]"'
        ) from error
    processor = SentencePieceProcessor()
    try:
        content = model if isinstance(model, bytes) else base64.b64decode(model, validate=True)
        processor.LoadFromSerializedProto(content)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            "Expected `model` to be the content of a SentencePiece file, or its base64 text. "
            f"Received: {model!r:.60} ({error}). Take it from the file again."
        ) from error
    return processor
