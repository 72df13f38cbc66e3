"""What the server counts, for Prometheus."""

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one application."""

    def __init__(self):
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "seq2seq_requests", "Requests answered", ["path", "status"], registry=registry
        )
        self.latency = Histogram(
            "seq2seq_request_seconds",
            "Seconds from a request to the end of its answer",
            ["path"],
            buckets=SECONDS,
            registry=registry,
        )
        self.tokens = Counter(
            "seq2seq_tokens", "Tokens read and generated", ["model", "kind"], registry=registry
        )
        self.batch = Histogram(
            "seq2seq_batch_rows", "Rows of each step", ["model"], buckets=ROWS, registry=registry
        )
        self.queue = Gauge("seq2seq_queued_rows", "Texts that wait", ["model"], registry=registry)
        self.running = Gauge(
            "seq2seq_running_rows", "Hypotheses in work", ["model"], registry=registry
        )

    def of_model(self, name: str) -> tuple[Counter, Counter]:
        """Returns the counters of the tokens that a model reads and generates."""
        return self.tokens.labels(name, "read"), self.tokens.labels(name, "generated")

    def watch(self, name: str, engine) -> None:
        """Lets the gauges read an engine when they are asked for."""
        self.queue.labels(name).set_function(lambda: engine.queued)
        self.running.labels(name).set_function(lambda: engine.running)

    def text(self) -> bytes:
        """Returns all of them in Prometheus's format."""
        return prometheus_client.generate_latest(self.registry)
