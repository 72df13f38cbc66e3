"""Callbacks for `fit`."""

import math
from collections.abc import Sequence
from numbers import Integral

import keras
import numpy as np

from seq2seq.backend import as_number
from seq2seq.checks import check_number, check_whole
from seq2seq.evaluation import TEXT_METRICS, check_metrics


class ShowSamples(keras.callbacks.Callback):
    """Prints what the model generates from a few sources after an epoch, a short line for each.

    Longer texts are cut, several results of a source are separated by ` | `, and line breaks are
    shown as spaces.

    Args:
        sources: Texts to generate from, preferably ones that it is not trained on.
        targets: Their true targets, printed too. Defaults to `None`.
        every: Epochs from one print to the next. Defaults to 1.
        **options: Arguments of `model.generate`, such as `sampler` or `max_length`.

    Raises:
        ValueError: If there are not as many targets, or `every` is below 1.

    Example:

    >>> show = seq2seq.callbacks.ShowSamples(["Where is the station?"], ["车站在哪里？"])
    >>> history = model.fit(english, chinese, callbacks=[show])
    """

    def __init__(
        self,
        sources: Sequence[str],
        targets: Sequence[str] | None = None,
        every: int = 1,
        **options,
    ):
        super().__init__()
        check_whole("every", every)
        _check_lists(sources, sources if targets is None else targets)
        self.sources = list(sources)
        self.targets = list(targets) if targets is not None else [None] * len(self.sources)
        self.every = every
        self.options = options
        self._lines = []

    def on_train_begin(self, logs=None):
        """Tries the options on one source: a mistake should not cost an epoch."""
        _check_generates(self)
        self.model.generate(self.sources[:1], **self.options)

    def on_epoch_end(self, epoch, logs=None):
        """Generates the samples."""
        if (epoch + 1) % self.every:
            return
        results = self.model.generate(self.sources, **self.options)
        self._lines = [
            f"  {_brief(source)} -> {_brief(result)}"
            + ("" if target is None else f"  (true: {_brief(target)})")
            for source, result, target in zip(self.sources, results, self.targets, strict=True)
        ]

    def on_epoch_begin(self, epoch, logs=None):
        """Prints the samples of the previous epoch, below its progress bar."""
        self._print()

    def on_train_end(self, logs=None):
        """Prints the samples of the last epoch."""
        self._print()

    def _print(self):
        print(*self._lines, sep="\n", end="\n" if self._lines else "")
        self._lines = []


class TextMetrics(keras.callbacks.Callback):
    """Measures generated texts after each epoch, as `val_bleu`, `val_chrf`, `val_wer`, `val_exact`.

    Put it before the callbacks that use these, such as
    `keras.callbacks.EarlyStopping("val_bleu", mode="max")`.

    Args:
        sources: Texts to generate from.
        references: For each the true target, or a list of them.
        metrics: Names among `"bleu"`, `"chrf"`, `"wer"`, `"exact"`. Defaults to `("bleu",)`.
        **options: Arguments of `model.generate`, for one text per source.

    Raises:
        ValueError: If a metric is unknown, or sources and references differ in number.

    Example:

    >>> measure = seq2seq.callbacks.TextMetrics(*validation, metrics=["bleu", "chrf"])
    >>> best = keras.callbacks.ModelCheckpoint(
    ...     "best.keras", "val_bleu", mode="max", save_best_only=True
    ... )
    >>> history = model.fit(english, chinese, callbacks=[measure, best])
    """

    def __init__(
        self,
        sources: Sequence,
        references: Sequence[str],
        metrics: Sequence[str] = ("bleu",),
        **options,
    ):
        super().__init__()
        check_metrics(metrics, tuple(TEXT_METRICS))
        _check_lists(sources, references)
        self.sources, self.references = list(sources), list(references)
        self.metrics = tuple(metrics)
        self.options = options

    def on_train_begin(self, logs=None):
        """Tries the options and the references: a mistake should not cost an epoch."""
        _check_generates(self)
        (text,) = self.model.generate(self.sources[:1], **self.options)
        if not isinstance(text, str):
            raise ValueError(
                f"Expected options that give one text per source. Received {self.options}, which "
                f"give {text!r}. Leave out `num_results` and `return_details`."
            )
        for name in self.metrics:
            TEXT_METRICS[name]([""] * len(self.sources), self.references)

    def on_epoch_end(self, epoch, logs=None):
        """Generates, measures, and adds the metrics to the logs."""
        hypotheses = self.model.generate(self.sources, **self.options)
        for name in self.metrics:
            logs[f"val_{name}"] = TEXT_METRICS[name](hypotheses, self.references)


class SourceReliance(keras.callbacks.Callback):
    """Measures after each epoch how much the model gains from its source, as `source_reliance`.

    It is the loss per token (nats) with sources shuffled among the pairs, minus the real one. Near
    0 the model ignores its source and only continues the target; the callback then says so.

    Args:
        sources: Validation texts, at least two.
        targets: Their targets.
        seed: Seed of the shuffling. Defaults to 0.
        threshold: Below it the callback warns. Defaults to 0.05.

    Raises:
        ValueError: If there are not as many targets, or fewer than two pairs.

    Example:

    >>> reliance = seq2seq.callbacks.SourceReliance(*validation)
    >>> history = model.fit(english, chinese, callbacks=[reliance])
    """

    def __init__(
        self, sources: Sequence, targets: Sequence, seed: int = 0, threshold: float = 0.05
    ):
        super().__init__()
        _check_lists(sources, targets)
        if len(sources) < 2:
            raise ValueError(f"Expected at least two pairs. Received: {len(sources)}.")
        # A rotation of a random order: no source keeps its place.
        order = np.random.default_rng(seed).permutation(len(sources))
        shuffled = dict(zip(order, np.roll(order, 1), strict=True))
        self.sources, self.targets = list(sources), list(targets)
        self.shuffled = [self.sources[shuffled[i]] for i in range(len(self.sources))]
        self.threshold = threshold

    def on_train_begin(self, logs=None):
        """Counts the tokens of the targets."""
        if not hasattr(self.model, "encode_pairs"):
            raise ValueError(
                f"Expected a model of sources and targets. Received a {type(self.model).__name__}."
            )
        _, labels = self.model.encode_pairs(self.sources, self.targets)
        self._tokens = np.count_nonzero(labels)

    def on_epoch_end(self, epoch, logs=None):
        """Scores the pairs twice and adds the difference to the logs."""
        gain = self.model.score(self.sources, self.targets) - self.model.score(
            self.shuffled, self.targets
        )
        reliance = float(gain.sum() / self._tokens)
        logs["source_reliance"] = reliance
        if reliance < self.threshold:
            print(
                f"\nsource_reliance is {reliance:.3f}: the model ignores its source so far. If it "
                "stays so, use attention, or check that the pairs belong together."
            )


class WarmUp(keras.callbacks.Callback):
    """Raises the learning rate evenly to its peak, then lowers it, update by update.

    When training ends, the optimizer's earlier learning rate is restored.

    Args:
        peak: Highest learning rate. Defaults to 1e-3.
        updates: Updates until the peak. Defaults to 1000.
        decay: `"inverse_sqrt"` (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, section 5.3)
            or `"cosine"` (Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983), which
            reaches 0 at `total_updates`. Defaults to `"inverse_sqrt"`.
        total_updates: Updates of the whole training, those of earlier calls of `fit` included;
            needed for `"cosine"`. Defaults to `None`.

    Raises:
        ValueError: If an argument is out of range.

    Example:

    >>> history = model.fit(english, chinese, callbacks=[seq2seq.callbacks.WarmUp(2e-3, 500)])
    """

    def __init__(
        self,
        peak: float = 1e-3,
        updates: int = 1000,
        decay: str = "inverse_sqrt",
        total_updates: int | None = None,
    ):
        super().__init__()
        if decay not in ("inverse_sqrt", "cosine"):
            raise ValueError(
                f"Expected `decay` to be 'inverse_sqrt' or 'cosine'. Received: decay={decay!r}."
            )
        check_number("peak", peak, "(0, inf)")
        check_whole("updates", updates)
        if total_updates is not None:
            check_whole("total_updates", total_updates)
        if decay == "cosine" and (total_updates is None or total_updates <= updates):
            raise ValueError(
                "Expected `total_updates` above `updates` with decay='cosine'. "
                f"Received: total_updates={total_updates}, updates={updates}."
            )
        self.peak, self.updates = peak, updates
        self.decay, self.total_updates = decay, total_updates

    def learning_rate(self, update: int) -> float:
        """Returns the learning rate of an update, the first being 1."""
        if update <= self.updates:
            return self.peak * update / self.updates
        if self.decay == "inverse_sqrt":
            return self.peak * math.sqrt(self.updates / update)
        done = min(1.0, (update - self.updates) / (self.total_updates - self.updates))
        return self.peak * 0.5 * (1 + math.cos(math.pi * done))

    def on_train_begin(self, logs=None):
        """Checks that there are updates left."""
        done = int(as_number(self.model.optimizer.iterations))
        if self.decay == "cosine" and done >= self.total_updates:
            raise ValueError(
                f"Expected `total_updates` above {done}, the updates that the model has had. "
                f"Received: total_updates={self.total_updates}. Compile the model again to count "
                "from 0."
            )
        self._rate_before = as_number(self.model.optimizer.learning_rate)

    def on_train_end(self, logs=None):
        """Restores the learning rate."""
        self.model.optimizer.learning_rate = self._rate_before

    def on_train_batch_begin(self, batch, logs=None):
        """Sets the learning rate."""
        update = int(as_number(self.model.optimizer.iterations)) + 1
        self.model.optimizer.learning_rate = self.learning_rate(update)


class AverageWeights(keras.callbacks.Callback):
    """Replaces the weights with their mean over the last epochs when training ends.

    Junczys-Dowmunt et al. 2016, https://aclanthology.org/W16-2316, section 3.

    Args:
        epochs: How many of the last epochs to average. Defaults to 3.

    Raises:
        ValueError: If `epochs` is below 1.

    Example:

    >>> history = model.fit(english, chinese, callbacks=[seq2seq.callbacks.AverageWeights(3)])
    """

    def __init__(self, epochs: int = 3):
        super().__init__()
        check_whole("epochs", epochs)
        self.epochs = epochs

    def on_train_begin(self, logs=None):
        """Forgets an earlier training run."""
        self._kept = []

    def on_epoch_end(self, epoch, logs=None):
        """Keeps a copy of the weights."""
        self._kept = [*self._kept, self.model.get_weights()][-self.epochs :]

    def on_train_end(self, logs=None):
        """Sets the mean."""
        if self._kept:
            means = [np.mean(same, axis=0) for same in zip(*self._kept, strict=True)]
            self.model.set_weights(means)
            self._kept = []


def _brief(shown, width: int = 100) -> str:
    """Returns a text, a row of ids or a list of results on one short line."""
    if isinstance(shown, list) and shown and not isinstance(shown[0], Integral):
        return " | ".join(_brief(each, max(9, width // len(shown))) for each in shown)
    line = " ".join(str(shown).split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _check_generates(callback):
    if not hasattr(callback.model, "generate"):
        raise ValueError(
            f"Expected a model that generates. Received a {type(callback.model).__name__}. Leave "
            f"{type(callback).__name__} out."
        )


def _check_lists(sources, targets):
    """Raises a `ValueError` unless these are lists of the same length, not empty."""
    for values in (sources, targets):
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise ValueError(
                f"Expected a list of sources and as many targets. Received: {values!r}."
            )
    for source in sources:
        if not hasattr(source, "__len__"):
            raise ValueError(
                f"Expected sources that are texts or rows of ids. Received: {source!r}."
            )
    if not 0 < len(sources) == len(targets):
        raise ValueError(
            "Expected sources and as many targets. Received: "
            f"{len(sources)} sources and {len(targets)} targets."
        )
