"""Files that are written whole or not at all."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from seq2seq.atomic_write import write_folder, write_whole

pytestmark = pytest.mark.neutral

KILLED = """
import os, signal, sys
from seq2seq.atomic_write import write_whole

def write(path):
    path.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

write_whole(sys.argv[1], ".txt", write)
"""


@pytest.mark.skipif(os.name != "posix", reason="it kills a process")
def test_the_next_save_removes_what_a_killed_one_has_left(tmp_path):
    path = tmp_path / "a b.txt"
    path.write_text("old")
    run = subprocess.run([sys.executable, "-c", KILLED, str(path)])
    assert run.returncode == -signal.SIGKILL
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 2
    write_whole(path, ".txt", lambda temporary: temporary.write_text("new"))
    assert path.read_text() == "new" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="it makes a link")
def test_a_link_stays_one(tmp_path):
    (tmp_path / "link.txt").symlink_to(tmp_path / "file.txt")
    write_whole(tmp_path / "link.txt", ".txt", lambda temporary: temporary.write_text("new"))
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "file.txt").read_text() == "new"


def test_a_folder_is_told(tmp_path):
    with pytest.raises(ValueError, match="which is a folder"):
        write_whole(tmp_path, ".txt", lambda temporary: None)


def test_threads_may_save_to_one_path(tmp_path):
    path, both_write, errors = tmp_path / "a.txt", threading.Barrier(2, timeout=60), []

    def save(text):
        def write(temporary):
            temporary.write_text(text)
            both_write.wait()
            assert temporary.read_text() == text

        try:
            write_whole(path, ".txt", write)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=save, args=(text,)) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert path.read_text() in ("one", "two") and list(tmp_path.iterdir()) == [path]


KILLED_FOLDER = """
import os, signal, sys
from pathlib import Path
from seq2seq import atomic_write

def replace(source, target, replace=os.replace):
    replace(source, target)
    os.kill(os.getpid(), signal.SIGKILL)  # the old folder is away, the new one not yet there

atomic_write.os.replace = replace
atomic_write.write_folder(sys.argv[1], lambda path: (path / "a").write_text("new"))
"""


@pytest.mark.skipif(os.name != "posix", reason="it kills a process")
def test_the_next_save_restores_the_folder_that_a_killed_one_has_moved(tmp_path):
    path = tmp_path / "model"
    write_folder(path, lambda folder: (folder / "a").write_text("old"))
    run = subprocess.run([sys.executable, "-c", KILLED_FOLDER, str(path)])
    assert run.returncode == -signal.SIGKILL and not path.exists()

    def fail(folder):
        raise OSError("no space")

    with pytest.raises(ValueError, match="no space"):
        write_folder(path, fail)
    assert [folder.name for folder in tmp_path.iterdir()] == ["model"]
    assert (path / "a").read_text() == "old"


def test_an_interrupted_save_keeps_the_folder_that_was_there(tmp_path, monkeypatch):
    path, replace = tmp_path / "model", os.replace
    write_folder(path, lambda folder: (folder / "a").write_text("old"))

    def interrupt(source, target):
        if target == path and source.suffix == ".new":
            raise KeyboardInterrupt
        replace(source, target)

    monkeypatch.setattr("seq2seq.atomic_write.os.replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_folder(path, lambda folder: (folder / "a").write_text("new"))
    assert (path / "a").read_text() == "old"
    assert [folder.name for folder in tmp_path.iterdir()] == ["model"]
