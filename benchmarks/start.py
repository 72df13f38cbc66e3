"""Tells how long a fresh process takes to its first translation, and how much memory.

    python benchmarks/start.py
    python benchmarks/start.py --model translator.keras --text "Where is the station?"

Each side is a process of its own that imports its framework, loads the weights and translates one
sentence: seq2seq, the loop of the Keras tutorial, and plain PyTorch where it is installed.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cores import add_threads_argument, restrict_threads
from train import run_apart

SIDES = {
    "seq2seq": """
import sys, keras, seq2seq
model = keras.saving.load_model(sys.argv[1])
print(model.generate(sys.argv[2]))
""",
    "tutorial": """
import json, sys, numpy as np, seq2seq
encoder_model, decoder_model = seq2seq.load_inference_models(sys.argv[1])
states = encoder_model.predict(np.array([json.loads(sys.argv[3])]), verbose=0)
token_id, ids = seq2seq.BOS, []
while token_id != seq2seq.EOS and len(ids) < 50:
    probabilities, *states = decoder_model.predict([np.array([[token_id]]), *states], verbose=0)
    token_id = 3 + int(probabilities[0, 0, 3:].argmax())
    ids.append(token_id)
print(ids)
""",
    "torch": """
import json, sys, torch
sys.path.insert(0, sys.argv[5])
from peers.torch_lstm import TorchLSTM, greedy
shape, weights = torch.load(sys.argv[4])
model = TorchLSTM(*shape)
model.load_state_dict(weights)
print(greedy(model, torch.tensor([json.loads(sys.argv[3])]), 50))
""",
}
PEAK = """
sys.path.insert(0, sys.argv[5])
from memory import own_peak_megabytes
print(own_peak_megabytes())
"""


def main() -> None:
    """Measures every side and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", metavar="FILE.keras", help="default: an untrained one")
    parser.add_argument("--text", default="s1 s2 s3 s4 s5", help="what is translated")
    parser.add_argument("--repeats", type=int, default=3, help="runs a side; the best counts (3)")
    add_threads_argument(parser)
    parser.add_argument("--json", action="store_true", help="print JSON, not a table")
    arguments = parser.parse_args()
    restrict_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        inputs = run_apart(write_models, arguments.model, arguments.text, folder)
        sides = [side for side in SIDES if side != "torch" or importlib.util.find_spec("torch")]
        runs = {side: [] for side in sides}
        for _ in range(arguments.repeats):  # in turn, so that a busy spell hits all
            for side in sides:
                runs[side].append(measure(SIDES[side], inputs))
    results = {
        side: {name: min(run[name] for run in runs[side]) for name in runs[side][0]}
        for side in sides
    }
    print(json.dumps(results, indent=2) if arguments.json else format_table(results))


def write_models(path: str | None, text: str, folder: str) -> list[str]:
    """Writes the weights for Keras and for PyTorch; returns the arguments of the sides."""
    import keras
    from configurations import CONFIGURATIONS, EMBEDDING_DIM
    from corpus import make_pairs, make_tokenizers

    import seq2seq

    if path:
        model = keras.saving.load_model(path)
    else:
        keras.utils.set_random_seed(1)
        tokenizers = make_tokenizers(make_pairs())
        model = seq2seq.Seq2Seq(*tokenizers, EMBEDDING_DIM, **CONFIGURATIONS["small"])
    keras_file, torch_file = os.path.join(folder, "m.keras"), os.path.join(folder, "m.pt")
    model.save(keras_file)
    if importlib.util.find_spec("torch"):
        import torch
        from peers.torch_lstm import TorchLSTM, keras_shape, keras_weights

        shape = keras_shape(model)
        peer = TorchLSTM(*shape).copy_from_keras(keras_weights(model))
        torch.save((shape, peer.state_dict()), torch_file)
    ids = [*model.source_tokenizer.encode(text), seq2seq.EOS]
    return [keras_file, text, json.dumps(ids), torch_file, str(Path(__file__).parent)]


def measure(code: str, inputs: list[str]) -> dict:
    """Runs a side in a fresh process; returns seconds and megabytes."""
    start = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-c", code + PEAK, *inputs],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    seconds = time.perf_counter() - start
    if process.returncode:
        sys.exit(f"A side failed with status {process.returncode}:\n{code}")
    return {"seconds_to_first": seconds, "peak_megabytes": float(process.stdout.split()[-1])}


def format_table(results: dict) -> str:
    """Returns the results as text."""
    lines = ["side      first translation (s)  peak MB"]
    for side, row in results.items():
        lines.append(f"{side:8}  {row['seconds_to_first']:21.1f}  {row['peak_megabytes']:7.0f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
