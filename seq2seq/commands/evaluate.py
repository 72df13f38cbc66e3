"""The command `evaluate`."""

from seq2seq.commands.options import make_sampler, print_result, read_data, refuse_sampler
from seq2seq.data.corpus import read_lines
from seq2seq.evaluation import evaluate_model
from seq2seq.files.loading import load_model
from seq2seq.models.classifier import TextClassifier
from seq2seq.models.language_model import LanguageModel
from seq2seq.models.seq2seq import Seq2Seq
from seq2seq.training.classification_report import ClassificationReport


def evaluate(options) -> None:
    """Measures a model on a file of pairs, of labelled texts or of texts, as its kind wants."""
    model = load_model(options.model)
    if isinstance(model, TextClassifier):
        refuse_sampler(options)
    data = _read(options, model)
    sampler = make_sampler(options)
    if options.sampler is None and isinstance(model, LanguageModel):
        sampler = None  # its usual one
    result = evaluate_model(
        model,
        *data,
        metrics=options.metrics,
        sampler=sampler,
        max_length=options.max_length,
        batch_size=options.batch_size,
    )
    count = {"pairs" if isinstance(model, Seq2Seq) else "texts": len(data[0])}
    lines = [f"{name:<22}{value:.4f}" for name, value in result.items() if isinstance(value, float)]
    if isinstance(result, ClassificationReport):
        lines.append(str(result))
    else:
        others = [name for name in ("classes", "confusion_matrix") if name in result]
        lines += [f"{name}\n{result[name]}" for name in others]
    if "confusion_matrix" in result:
        result["confusion_matrix"] = result["confusion_matrix"].tolist()
    print_result(options, {**count, **result}, "\n".join(lines))


def _read(options, model):
    """Returns the texts, and their targets or labels if the model has any."""
    if isinstance(model, LanguageModel):
        return ([line for path in options.data for line in read_lines(path)],)
    texts, targets = read_data(options.data, options.columns)
    if isinstance(model, TextClassifier):
        by_name = {str(label): label for label in model.labels}
        targets = [by_name.get(target, target) for target in targets]
    return texts, targets
