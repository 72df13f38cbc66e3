"""The command `export`."""

from seq2seq.commands.options import print_result
from seq2seq.files.loading import load_model


def export(options) -> None:
    """Exports a model to a folder, and tells how far it is from the model."""
    model = load_model(options.model)
    difference = model.export(
        options.folder, options.format, quantize=options.quantize, verbose=not options.json
    )
    if options.json:
        print_result(options, {"folder": options.folder, "difference": difference}, "")
