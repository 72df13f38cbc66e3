"""Times `seq2seq serve` beside `generate`, and beside a plain server of PyTorch.

    python benchmarks/serve.py
    python benchmarks/serve.py --data train.en train.de val.en val.de --model translator.keras
    python benchmarks/serve.py --minutes 30    # mixed load: is its memory flat, is nothing lost?

Clients in a closed loop, on this machine: each asks for one sentence and waits for it. Prints how
many sentences a second they get, latencies at half of that load, the time to the first token of a
stream; with `--minutes` the growth of the memory under requests of all kinds, each answer compared
with that of `generate`.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import json
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import show
from cores import add_threads_argument, restrict_threads
from corpus import add_data_argument, encode, load_corpus
from generate import add_model_arguments, torch_peer, train_model
from http_client import Connection

import seq2seq

MAX_LENGTH = 50
HERE = Path(__file__).parent


def main() -> None:
    """Measures everything and prints the table."""
    arguments = parse_arguments()
    restrict_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as root:
        folder, weights, texts, rows = prepare(Path(root), arguments)
        with serving(folder) as (port, process):
            figures = asyncio.run(measure(folder, port, texts, arguments))
            if arguments.minutes:
                figures |= asyncio.run(mixed_load(folder, port, process.pid, texts, arguments))
        if weights:
            with serving_torch(weights) as port:
                bodies = [{"ids": row} for row in rows]
                speed, _ = asyncio.run(closed_loop(port, "/generate", bodies, arguments))
                figures["plain PyTorch server, sentences/s"] = speed
                figures["served, times that"] = figures["served, sentences/s"] / speed
    if arguments.json:
        print(json.dumps(figures, indent=2))
        return
    print("| | |\n|---|---|")
    for name, figure in figures.items():
        print(f"| {name} | {show(figure)} |")


def parse_arguments() -> argparse.Namespace:
    """Returns the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_argument(parser)
    add_model_arguments(parser)
    parser.add_argument("--quantize", choices=("int8",), help="weights of 8 bits")
    parser.add_argument("--clients", type=int, default=64, help="clients at once (64)")
    parser.add_argument("--requests", type=int, default=3000, help="requests in all (3000)")
    parser.add_argument("--minutes", type=float, default=0, help="of mixed load (0)")
    add_threads_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    return parser.parse_args()


def prepare(root: Path, arguments):
    """Exports the model; returns folder, weights for PyTorch or `None`, sentences, their ids."""
    train, (texts, _) = load_corpus(arguments.data)
    model = seq2seq.load_model(arguments.model) if arguments.model else None
    model = model or train_model(train, arguments)
    model.export(root / "model", quantize=arguments.quantize, verbose=False)
    weights = None
    if importlib.util.find_spec("torch"):
        import torch
        from peers.torch_lstm import keras_shape

        weights = root / "weights.pt"
        torch.save((keras_shape(model), torch_peer(model).state_dict()), weights)
    return root / "model", weights, texts, encode(model.source_tokenizer, texts)


@contextlib.contextmanager
def serving(folder: Path):
    """Runs the command `serve`; gives its port and process."""
    command = [sys.executable, "-m", "seq2seq", "serve", f"model={folder}", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if found := re.search(r"http://127.0.0.1:(\d+)/ ", line):
                port = int(found[1])
                break
        wait_for(port)
        yield port, process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


@contextlib.contextmanager
def serving_torch(weights: Path):
    """Runs the plain server; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, HERE / "peers/torch_server.py", weights, str(port)])
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def wait_for(port: int) -> None:
    """Waits until a server answers."""
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    sys.exit("The server did not start.")


async def measure(folder, port: int, texts: list[str], arguments) -> dict:
    """Returns the figures of the server."""
    model = seq2seq.load_model(folder)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        expected = model.generate(texts, MAX_LENGTH, batch_size=arguments.clients, verbose=0)
        seconds.append(time.perf_counter() - start)
    offline = len(texts) / min(seconds)
    bodies = [body(text) for text in texts]
    await closed_loop(port, "/v1/generate", bodies[:200], arguments)
    speed, answers = await closed_loop(port, "/v1/generate", bodies, arguments)
    wrong = sum(
        answers[i]["results"][0][0]["text"] != expected[i % len(texts)] for i in range(len(answers))
    )
    alone = [await timed(port, each) for each in bodies[:200]]
    half = await open_loop(port, bodies, speed / 2, seconds=10)
    first = []
    for text in texts[:100]:
        events = await Connection(port).stream("/v1/generate", {**body(text), "stream": True}, 1)
        first.append(events[0]["seconds"])
    return {
        "`generate`, sentences/s": offline,
        "served, sentences/s": speed,
        "served, times `generate`": speed / offline,
        "answers that differ from `generate`": wrong,
        "a lone request, ms": 1000 * statistics.median(alone),
        "half of that load, median ms": 1000 * statistics.median(half),
        "half of that load, 99th percentile, ms": 1000 * statistics.quantiles(half, n=100)[98],
        "the same, times a lone request": statistics.quantiles(half, n=100)[98]
        / statistics.median(alone),
        "first token of a lone stream, ms": 1000 * statistics.median(first),
    }


def body(text: str) -> dict:
    """Returns a request."""
    return {"model": "model", "inputs": text, "max_length": MAX_LENGTH}


async def closed_loop(port: int, path: str, bodies, arguments) -> tuple[float, list]:
    """Lets clients ask, each one request after the other; returns requests a second and answers."""
    answers, numbers = {}, iter(range(arguments.requests))

    async def ask():
        connection = Connection(port)
        for number in numbers:
            answers[number] = await connection.post(path, bodies[number % len(bodies)])
        connection.close()

    start = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(arguments.clients)))
    seconds = time.perf_counter() - start
    return arguments.requests / seconds, [answers[i] for i in range(arguments.requests)]


async def open_loop(port: int, bodies, rate: float, seconds: float) -> list[float]:
    """Sends requests at a rate, whatever becomes of those before; returns their latencies."""
    chance, tasks, idle = random.Random(0), [], []
    end = time.perf_counter() + seconds
    due = time.perf_counter()

    async def ask(each):
        start = time.perf_counter()
        connection, since = idle.pop() if idle else (Connection(port), start)
        if start - since > 2:  # the server closes those that are idle
            connection.close()
        await connection.post("/v1/generate", each)
        end = time.perf_counter()
        idle.append((connection, end))
        return end - start

    while due < end:
        due += chance.expovariate(rate)
        await asyncio.sleep(max(0, due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(ask(bodies[len(tasks) % len(bodies)])))
    return await asyncio.gather(*tasks)


async def timed(port: int, each: dict) -> float:
    """Returns the seconds of a request on a connection of its own."""
    connection, start = Connection(port), time.perf_counter()
    await connection.post("/v1/generate", each)
    connection.close()
    return time.perf_counter() - start


async def mixed_load(folder, port: int, process_id: int, texts: list[str], arguments) -> dict:
    """Sends requests of all kinds for some minutes; returns how memory grew and what was lost."""
    model, chance = seq2seq.load_model(folder), random.Random(0)
    kinds = {
        "greedy": ({}, "greedy"),
        "sample": (
            {"sampler": "sample", "seed": 1, "temperature": 0.7, "top_p": 0.9},
            seq2seq.Sample(0.7, None, 0.9, 1),
        ),
        "beam": ({"sampler": "beam", "width": 3}, seq2seq.BeamSearch(3)),
        "constrained": (
            {"no_repeat_ngram": 2, "min_length": 5},
            seq2seq.Greedy(no_repeat_ngram=2, min_length=5),
        ),
    }
    chosen = texts[:200]
    expected = {
        kind: [model.generate(text, MAX_LENGTH, sampler) for text in chosen]
        for kind, (_, sampler) in kinds.items()
    }
    end, sizes, counts = time.monotonic() + 60 * arguments.minutes, [], {}

    def count(name):
        counts[name] = counts.get(name, 0) + 1

    async def client():
        connection = Connection(port)
        while time.monotonic() < end:
            kind, place = chance.choice(list(kinds)), chance.randrange(len(chosen))
            request = {**body(chosen[place]), **kinds[kind][0]}
            if kind != "beam" and chance.random() < 0.3:
                gone = chance.random() < 0.3
                request |= {"stream": True, "details": chance.random() < 0.5}
                events = await Connection(port).stream("/v1/generate", request, 2 if gone else None)
                if gone:
                    count("streams left")
                    continue
                text = "".join(event.get("text", "") for event in events)
            else:
                answer = await connection.post("/v1/generate", request)
                text = answer["results"][0][0]["text"]
            count("right" if text == expected[kind][place] else "wrong")
        connection.close()

    async def watch():
        while time.monotonic() < end:
            sizes.append(resident(process_id))
            await asyncio.sleep(5)

    await asyncio.gather(watch(), *(client() for _ in range(arguments.clients // 2)))
    settled = sizes[len(sizes) // 10 :]
    return {
        f"memory after {arguments.minutes:g} minutes of mixed load, MB": sizes[-1],
        "growth after the first tenth, MB": max(settled[len(settled) // 2 :]) - settled[0],
        **{f"answers {name}": figure for name, figure in sorted(counts.items())},
    }


def resident(process_id: int) -> float:
    """Returns the megabytes that a process holds."""
    status = Path(f"/proc/{process_id}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1000


if __name__ == "__main__":
    main()
