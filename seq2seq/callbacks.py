"""Callbacks for `fit`."""

from collections.abc import Sequence

import keras


class ShowSamples(keras.callbacks.Callback):
    """Prints what the model makes of a few sources after each epoch.

    Args:
        sources: Texts to generate from, best ones that it is not trained on.
        targets: Their true targets, printed beside. Defaults to `None`.
        **options: Arguments of `model.generate`, such as `sampler` or `max_length`.

    Example:

    >>> show = seq2seq.callbacks.ShowSamples(["Where is the station?"], ["车站在哪里？"])
    >>> history = model.fit(english, chinese, callbacks=[show])
    """

    def __init__(self, sources: Sequence[str], targets: Sequence[str] | None = None, **options):
        super().__init__()
        if isinstance(sources, str) or (targets is not None and len(targets) != len(sources)):
            raise ValueError(
                "Expected a list of sources and as many targets. "
                f"Received: sources={sources!r}, targets={targets!r}."
            )
        self.sources = list(sources)
        self.targets = list(targets) if targets is not None else [None] * len(self.sources)
        self.options = options
        self._lines = []

    def on_epoch_end(self, epoch, logs=None):
        """Generates the samples."""
        results = self.model.generate(self.sources, **self.options)
        self._lines = [
            f"  {source} -> {result}" + ("" if target is None else f"  (true: {target})")
            for source, result, target in zip(self.sources, results, self.targets, strict=True)
        ]

    def on_epoch_begin(self, epoch, logs=None):
        """Prints the samples of the epoch before, below its progress bar."""
        self._print()

    def on_train_end(self, logs=None):
        """Prints the samples of the last epoch."""
        self._print()

    def _print(self):
        print(*self._lines, sep="\n", end="\n" if self._lines else "")
        self._lines = []
