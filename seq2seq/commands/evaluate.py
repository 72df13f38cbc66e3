"""The command `evaluate`."""

from seq2seq.commands.options import make_sampler, print_result, read_data
from seq2seq.evaluation import evaluate_model
from seq2seq.models.inference import load_model
from seq2seq.models.seq2seq import Seq2Seq


def evaluate(options) -> None:
    """Measures a model on a file of pairs."""
    sources, targets = read_data(options.data, options.columns)
    sampler = make_sampler(options)
    result = evaluate_model(
        load_model(options.model, Seq2Seq),
        sources,
        targets,
        metrics=options.metrics,
        sampler=sampler,
        max_length=options.max_length,
        batch_size=options.batch_size,
    )
    lines = [f"{name:<12}{value:.4f}" for name, value in result.items()]
    print_result(options, {"pairs": len(sources), **result}, "\n".join(lines))
