"""The vocabularies of models: of one kind of texts, or of pairs."""

from collections.abc import Sequence

from seq2seq.data.corpus import read_text_files
from seq2seq.data.inputs import check_texts
from seq2seq.tasks.measures import known_share
from seq2seq.text.tokenizers import Tokenizer


class Vocabularies:
    """What models of texts share; a class that has it provides `sides`."""

    def check_tokenizers(self) -> None:
        """Raises a `ValueError` if the model was made for ids, where texts are needed."""
        if any(side.tokenizer is None for side in self.sides.values()):
            raise ValueError("Expected a model with tokenizers. Received one made for ids.")

    def match_targets(self, targets: Sequence | None) -> Sequence | None:
        """Returns targets read from a file as the model knows them."""
        return targets


class OneVocabulary(Vocabularies):
    """What models with one vocabulary share."""

    examples_are = "texts"  # what they are called where they are counted

    @property
    def tokenizer(self) -> Tokenizer | None:
        """The tokenizer of the texts, or `None` in a model of ids."""
        return self.sides["tokenizer"].tokenizer

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, the special ones included."""
        return self.sides["tokenizer"].size

    def check_examples(self, texts: Sequence, targets: Sequence | None = None) -> None:
        """Raises a `ValueError` unless the model can be evaluated on these texts."""
        self.check_tokenizers()
        check_texts(texts)
        if targets is not None:
            raise ValueError(
                f"Expected texts alone for a {type(self).__name__}. Received targets too."
            )

    def coverage(self, texts: Sequence[str], targets: Sequence | None = None) -> dict[str, float]:
        """Returns the share of tokens that are in the vocabulary."""
        return {"coverage": known_share(self.tokenizer.encode_all(texts))}

    @staticmethod
    def read_examples(
        paths: Sequence[str], columns: Sequence | None = None
    ) -> tuple[list[str], None]:
        """Reads texts to train or evaluate on from files, one per line."""
        return read_text_files(paths, columns), None
