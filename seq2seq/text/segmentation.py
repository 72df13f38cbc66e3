"""Chinese segmentation by jieba, on all cores for much text.

Run as a script, this file is one of the workers: it needs only jieba, so it starts in a second, and
unlike `multiprocessing` it does not run the user's script or notebook again.
"""

import functools
import json
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

ENOUGH = 200_000  # characters, which take a worker about as long as its start

_loading = threading.Lock()


def load_jieba(user_words: Sequence[str] = ()):
    """Returns a jieba tokenizer that knows these words too.

    Load it once for many texts: to find the one of many words takes long. Dictionaries are built
    once in a process, whatever the number of threads, and without messages.

    Args:
        user_words: Words, each perhaps with a frequency and a tag behind it. Defaults to none.
    """
    with _loading:
        return _build(tuple(user_words))


@functools.lru_cache(maxsize=8)
def _build(user_words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jieba's source has invalid escape sequences
        try:
            import jieba
        except ImportError as error:  # where only exported models run
            raise ImportError("Chinese words need the package jieba: pip install jieba") from error
    jieba.setLogLevel(logging.WARNING)
    jieba.dt.initialize()
    if not user_words:
        return jieba.dt
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = dict(jieba.dt.FREQ), jieba.dt.total
    tokenizer.initialized = True
    for line in user_words:
        word, *fields = line.split()
        counted = bool(fields) and fields[0].isdecimal() and len(fields[0]) < 19
        frequency = int(fields[0]) if counted else None
        if frequency == 0:  # no word; `add_word` would tell all tokenizers of the process
            tokenizer.FREQ[word] = 0
        else:
            tokenizer.add_word(word, frequency)
    return tokenizer


def segment_all(
    texts: Sequence[str],
    user_words: Sequence[str] = (),
    hmm: bool = True,
    workers: int | None = None,
) -> list[list[str]]:
    """Returns the words of each of many texts.

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
        from seq2seq.cores import count_cores  # here: a worker needs jieba alone

        workers = min(count_cores(), sum(map(len, texts)) // ENOUGH)
    if workers < 2:
        return _segment_here(texts, user_words, hmm)
    tasks = [[texts[i::workers], list(user_words), hmm] for i in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        parts = list(pool.map(_run_worker, tasks))
    words = [None] * len(texts)
    for i, part in enumerate(parts):
        words[i::workers] = part
    return words


def _run_worker(task):
    if not sys.executable or getattr(sys, "frozen", False):  # it is no Python: part of a program
        return _segment_here(*task)
    worker = subprocess.run(
        [sys.executable, "-P", __file__], input=json.dumps(task).encode(), capture_output=True
    )
    if worker.returncode:
        return _segment_here(*task)
    return json.loads(worker.stdout)


def _segment_here(texts, user_words, hmm):
    jieba = load_jieba(user_words)
    return [jieba.lcut(text, HMM=hmm) for text in texts]


def _main():
    words = _segment_here(*json.load(sys.stdin.buffer))
    sys.stdout.buffer.write(json.dumps(words).encode())


if __name__ == "__main__":
    _main()
