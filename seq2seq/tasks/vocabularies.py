"""The vocabulary of a model that has one."""

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
