"""Pictures: attention heat map and training curves. matplotlib is imported where it is used."""

import re
import warnings

from seq2seq.generation.result import Generation
from seq2seq.text.spacing import HAN

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "SimHei",
    "PingFang SC",
    "Heiti SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Arial Unicode MS",
)


def plot_attention(generation: Generation, ax=None):
    """Draws which source tokens each generated token attended to.

    Args:
        generation: A result of `model.generate(..., return_details=True)`; the model has attention.
        ax: matplotlib axes to draw on. Defaults to `None`, new ones.

    Returns:
        The axes.

    Raises:
        ValueError: If the generation has no attention.
        ImportError: If matplotlib is not installed.

    Example:

    >>> result = model.generate("Where is the station?", return_details=True)
    >>> ax = plot_attention(result)
    """
    if not isinstance(generation, Generation):
        raise ValueError(
            "Expected one Generation. Received: an object of type "
            f"{type(generation).__name__}. Pass one item of a list."
        )
    if generation.attention is None:
        raise ValueError(
            "Expected a Generation with attention. Received one without. Make a Transformer, or a "
            "Seq2Seq with attention='luong' or 'bahdanau'; a language model has none to show."
        )
    # A dollar sign would start a formula.
    labels, sources = (
        [str(token).replace("$", r"\$") for token in tokens]
        for tokens in (generation.labels, generation.source_tokens)
    )
    pyplot = _pyplot("".join(labels + sources))
    if ax is None:
        size = (1 + 0.5 * len(sources), 1 + 0.4 * len(labels))
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    ax.imshow(generation.attention, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    family = pyplot.rcParams["font.family"]  # axes made before have the one of that time
    ax.set_xticks(range(len(sources)), sources, rotation=45, ha="right", family=family)
    ax.set_yticks(range(len(labels)), labels, family=family)
    ax.set(xlabel="source", ylabel="generated")
    return ax


def plot_history(history, metrics: tuple[str, ...] = ("perplexity", "accuracy")):
    """Draws the training curves, each metric with its validation curve.

    Args:
        history: What `fit` returned, or its `history` dict.
        metrics: Names; those that were not recorded are left out. Defaults to `("perplexity",
            "accuracy")`.

    Returns:
        Array of matplotlib axes, one per metric.

    Raises:
        ValueError: If none of the metrics was recorded.
        ImportError: If matplotlib is not installed.

    Example:

    >>> axes = plot_history(model.fit(english, chinese, validation_split=0.1, epochs=5))
    """
    values = getattr(history, "history", history)
    shown = [name for name in metrics if name in values]
    if not shown:
        raise ValueError(
            f"Expected metrics of {', '.join(values) or 'a training run'}. Received: {metrics}."
        )
    pyplot = _pyplot("")
    _, axes = pyplot.subplots(
        1, len(shown), figsize=(5 * len(shown), 3.5), squeeze=False, layout="constrained"
    )
    for ax, name in zip(axes[0], shown, strict=True):
        for key, label in ((name, "training"), (f"val_{name}", "validation")):
            if key in values:
                ax.plot(range(1, len(values[key]) + 1), values[key], label=label)
        ax.set(xlabel="epoch", ylabel=name)
        if name == "perplexity":
            ax.set_yscale("log")
        ax.legend()
    return axes[0]


def _pyplot(text):
    """Returns matplotlib's pyplot, with a Chinese font where the text needs one."""
    try:
        from matplotlib import font_manager, pyplot
    except ImportError as error:
        raise ImportError(
            'Plots need matplotlib: pip install matplotlib, or pip install "keras-seq2seq[plot]"'
        ) from error
    if re.search(f"[{HAN}]", text):
        known = {font.name for font in font_manager.fontManager.ttflist}
        fonts = [name for name in CHINESE_FONTS if name in known]
        if fonts:
            others = [name for name in pyplot.rcParams["font.family"] if name != fonts[0]]
            pyplot.rcParams["font.family"] = [fonts[0], *others]
        else:
            warnings.warn(
                "No Chinese font was found: characters show as boxes. Install one, such as Noto "
                "Sans CJK (Debian: apt install fonts-noto-cjk), and delete matplotlib's cache.",
                stacklevel=3,
            )
    return pyplot
