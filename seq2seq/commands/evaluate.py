"""The command `evaluate`."""

import sys

from seq2seq.commands.examples import read_examples
from seq2seq.commands.options import print_result
from seq2seq.commands.sampler_options import make_sampler, refuse_sampler
from seq2seq.evaluation import evaluate_model
from seq2seq.files.loading import load_model
from seq2seq.progress import Progress
from seq2seq.tasks.classification_report import ClassificationReport


def evaluate(options) -> None:
    """Evaluates a model on a file of pairs, labelled texts or texts, as its kind needs."""
    model = load_model(options.model)
    if not model.uses_sampler:
        refuse_sampler(options)
    if model.task == "language-model":
        _sample_unless_told(options)
    elif options.whole_files:
        raise ValueError(
            f"Expected a language model with --whole-files. Received: {options.model}, a "
            f"{type(model).__name__}. Leave it out."
        )
    sampler = make_sampler(options)
    texts, targets = read_examples(options, model, options.data)
    targets = model.match_targets(targets)
    progress = Progress(None, int(sys.stderr.isatty()), sys.stderr)
    result = evaluate_model(
        model,
        texts,
        targets,
        metrics=options.metrics,
        sampler=sampler,
        max_length=options.max_length,
        batch_size=options.batch_size,
        verbose=progress,
    )
    progress.close()
    lines = _lines(result)
    if "confusion_matrix" in result:
        result["confusion_matrix"] = result["confusion_matrix"].tolist()
    count = {model.examples_are: len(texts)}
    print_result(options, {**count, **result}, "\n".join(lines))


def _sample_unless_told(options):
    """Has a language model judged by texts that it samples, the same each time."""
    if options.sampler is None:
        options.sampler = "sample"
        options.seed = options.seed or 0


def _lines(result) -> list[str]:
    lines = [f"{name:<22}{value:.4f}" for name, value in result.items() if isinstance(value, float)]
    if isinstance(result, ClassificationReport):
        return [*lines, str(result)]
    others = [name for name in ("classes", "confusion_matrix") if name in result]
    return [*lines, *(f"{name}\n{result[name]}" for name in others)]
