"""Chinese segmentation by jieba, on all cores for much text.

Run as a script, this file is one of the workers: it needs only jieba, so it starts in a second, and
unlike `multiprocessing` it does not run the user's script or notebook again.
"""

import functools
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

ENOUGH = 200_000  # characters, which take a worker about as long as its start


@functools.lru_cache(maxsize=8)
def load_jieba(user_words: tuple[str, ...]):
    """Returns a jieba tokenizer; its dictionary is loaded once per process, without messages."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba's source has invalid escape sequences
        import jieba
    jieba.setLogLevel(logging.WARNING)
    jieba.dt.initialize()
    if not user_words:
        return jieba.dt
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = dict(jieba.dt.FREQ), jieba.dt.total
    tokenizer.initialized = True
    for line in user_words:
        word, *fields = line.split()
        tokenizer.add_word(word, freq=int(fields[0]) if fields and fields[0].isdigit() else None)
    return tokenizer


def segment(text: str, user_words: Sequence[str] = (), hmm: bool = True) -> list[str]:
    """Returns the words of a text."""
    return list(load_jieba(tuple(user_words)).cut(text, HMM=hmm))


def segment_all(
    texts: Sequence[str],
    user_words: Sequence[str] = (),
    hmm: bool = True,
    workers: int | None = None,
) -> list[list[str]]:
    """Returns the words of each of many texts, as `segment` does.

    Args:
        texts: Sequence of str.
        user_words: Words that jieba must know.
        hmm: Whether jieba guesses words outside its dictionary.
        workers: Processes to start. Defaults to `None`: one per core, none for too little text to
            be worth it.

    Returns:
        A list of str for each text.
    """
    if workers is None:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        workers = min(cores or 1, sum(map(len, texts)) // ENOUGH)
    if workers < 2:
        return [segment(text, user_words, hmm) for text in texts]
    tasks = [[texts[i::workers], list(user_words), hmm] for i in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(_run_worker, tasks))
    words = [None] * len(texts)
    for i, part in enumerate(parts):
        words[i::workers] = part
    return words


def _run_worker(task):
    worker = subprocess.run(
        [sys.executable, "-P", __file__], input=json.dumps(task).encode(), capture_output=True
    )
    if worker.returncode:
        texts, user_words, hmm = task  # the worker failed: do it here
        return [segment(text, user_words, hmm) for text in texts]
    return json.loads(worker.stdout)


def _main():
    texts, user_words, hmm = json.load(sys.stdin.buffer)
    words = [segment(text, user_words, hmm) for text in texts]
    sys.stdout.buffer.write(json.dumps(words).encode())


if __name__ == "__main__":
    _main()
