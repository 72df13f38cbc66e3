"""A plain server of a PyTorch model, which decodes one request at a time.

    python benchmarks/peers/torch_server.py WEIGHTS PORT

It takes `{"ids": [...]}` and returns the ids of greedy search. See serve.py.
"""

import sys
import threading

import torch
import uvicorn
from fastapi import FastAPI
from torch_lstm import TorchLSTM, greedy

shape, weights = torch.load(sys.argv[1])
model = TorchLSTM(*shape).eval()
model.load_state_dict(weights)
application, lock = FastAPI(), threading.Lock()


@application.post("/generate")
def generate(body: dict) -> dict:
    """Decodes a row of ids."""
    with lock:
        ids = greedy(model, torch.tensor([body["ids"]]), 50)
    return {"ids": ids[0].tolist()}


uvicorn.run(application, port=int(sys.argv[2]), log_level="warning")
