"""Reads what a model is trained or evaluated on."""

from seq2seq.data.corpus import read_text_files

Examples = tuple[list[str], list | None]  # texts, and their targets or labels if they have any


def read_examples(options, model, paths: list[str]) -> Examples:
    """Reads what a model is trained or evaluated on.

    Raises:
        ValueError: If the files are not as the model needs them.
    """
    if options.whole_files:
        return read_text_files(paths, options.columns, whole_files=True), None
    return model.read_examples(paths, options.columns)
