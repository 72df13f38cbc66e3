"""Two replicas on Ray Serve, one of which is killed under load."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.neutral, pytest.mark.slow]

PROGRAM = """
import glob, json, os, signal, sys, threading, time
import httpx, ray
from ray import serve
from seq2seq.serving.ray import application

port, folder = int(sys.argv[1]), sys.argv[2]
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": port})
serve.run(application({"models": f"model={folder}", "replicas": "2", "max_length": "60"}))
address, statuses, texts = f"http://127.0.0.1:{port}/v1/generate", [], set()
body = {"model": "model", "inputs": "where is the station ?", "max_length": 50, "sampler": "beam"}
ended = threading.Event()

def ask():
    with httpx.Client(timeout=60) as client:
        while not ended.is_set():
            answer = client.post(address, json=body)
            statuses.append(answer.status_code)
            if answer.is_success:
                texts.add(answer.json()["results"][0][0]["text"])
            else:
                texts.add(answer.json()["error"]["message"])
                assert answer.headers["retry-after"]

def replicas():
    found = set()
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            if open(path, "rb").read().startswith(b"ray::ServeReplica"):
                found.add(int(path.split("/")[2]))
        except OSError:
            pass
    return found

def wait(condition):
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)

before = replicas()
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads:
    thread.start()
wait(lambda: len(statuses) > 50)
os.kill(min(before), signal.SIGKILL)
asked = len(statuses)
wait(lambda: replicas() - before and len(statuses) > asked + 200)
ended.set()
for thread in threads:
    thread.join()
with open(sys.argv[3], "w") as file:
    json.dump({"statuses": statuses, "texts": sorted(texts), "replicas": len(before)}, file)
serve.shutdown()
ray.shutdown()
"""


def test_a_replica_that_dies_loses_only_what_it_held(tmp_path):
    pytest.importorskip("ray", reason="ray is not installed")
    pytest.importorskip("fastapi", reason="fastapi is not installed")
    from serving_fixtures import make_translator

    import seq2seq

    make_translator().export(tmp_path / "model", verbose=0)
    text = seq2seq.load_model(tmp_path / "model").generate("where is the station ?", 50, "beam")
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, "18173", str(tmp_path / "model"), str(tmp_path / "found")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads((tmp_path / "found").read_text())
    assert found["replicas"] == 2
    lost = found["statuses"].count(503)
    assert lost <= 8 and found["statuses"].count(200) == len(found["statuses"]) - lost
    told = [message for message in found["texts"] if message != text]
    assert text in found["texts"] and all("Try again" in message for message in told)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({}, "Expected models=FOLDER"),
        ({"models": "a", "replica": "2"}, "Received: replica"),
        ({"models": "a", "api_key": ""}, "Expected a key"),
        ({"models": "a/model,b/model"}, "two called model"),
        ({"models": "a", "max_batch": "0"}, "`max_batch`"),
        ({"models": "a", "api_key": "key", "no_auth": "yes", "max_queue": "0"}, "`max_queue`"),
    ],
)
def test_wrong_arguments(arguments, message):
    pytest.importorskip("ray", reason="ray is not installed")
    from seq2seq.serving.ray import application

    with pytest.raises(ValueError, match=message):
        application(arguments)
