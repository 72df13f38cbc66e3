"""The vocabulary of a model that has one."""

from collections.abc import Sequence

from seq2seq.data.corpus import read_text_files
from seq2seq.tasks.measures import known_share
from seq2seq.text.tokenizers import Tokenizer


class OneVocabulary:
    """What models with one vocabulary share; a class that has it provides `sides`."""

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer of the texts, or `None` in a model of ids."""
        return self.sides["tokenizer"].tokenizer

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the special ones included."""
        return self.sides["tokenizer"].size

    def coverage(self, texts: Sequence[str], targets: Sequence | None = None) -> dict[str, float]:
        """Returns the share of tokens that are in the vocabulary."""
        return {"coverage": known_share(self.tokenizer.encode_all(texts))}

    @staticmethod
    def read_examples(
        paths: Sequence[str], columns: Sequence | None = None
    ) -> tuple[list[str], None]:
        """Reads texts to train or evaluate on from files, one per line."""
        return read_text_files(paths, columns), None
