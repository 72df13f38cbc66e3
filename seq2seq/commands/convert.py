"""The command `convert`."""

from seq2seq.commands.options import print_result
from seq2seq.files.loading import load_model


def convert(options) -> None:
    """Saves a pretrained model as a model file of this package."""
    model = load_model(options.folder)
    model.save(options.output)
    result = {"output": options.output, "class": type(model).__name__, "units": model.units}
    result |= {"layers": model.num_layers, "weights": model.count_params()}
    text = f"{result['output']}: a {result['class']} of {result['weights']:,} weights."
    print_result(options, result, text)
