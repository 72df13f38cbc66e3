"""TensorFlow starts without a word, and nothing else is lost."""

import os
import subprocess
import sys

import keras
import pytest

from seq2seq import quiet
from seq2seq.quiet import LEVEL, quiet_start

pytestmark = pytest.mark.neutral

START_UP = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
    "I0000 00:00:1795660104.898428    6370 port.cc:153] oneDNN custom operations are on.",
    "I1126 02:30:12.898428    6370 tsl/platform/port.cc:153] oneDNN custom operations are on.",
    "E0000 00:00:1795660104.650102    6370 cuda_platform.cc:52] failed call to cuInit: ERROR (303)",
    "2025-11-26 02:30:12.345678: I tensorflow/core/platform/cpu_feature_guard.cc:227] This binary",
    "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.",
    "Skipping registering GPU devices...",
]
OTHERS = [
    "/a/b.py:3: UserWarning: I0000 is no year",
    "F0000 00:00:1795660104.650102    6370 check.cc:52] it ends here",
    "WARNING: the disk is full",
    "2025-11-26 02:30:12.345678: I another/program.cc:227] started",
]


def write(*lines):
    """Writes to the file descriptor, as C++ does."""
    os.write(2, "".join(f"{line}\n" for line in lines).encode())


@pytest.fixture(autouse=True)
def hidden(monkeypatch):
    """As if the user had not set the level."""
    monkeypatch.setattr(quiet, "_level", "3")


def test_start_up_lines_are_hidden_and_all_others_appear(capfd):
    with quiet_start():
        write(*START_UP, *OTHERS)
        print("of Python", file=sys.__stderr__)
    write("after")
    assert capfd.readouterr().err.splitlines() == [*OTHERS, "of Python", "after"]


def test_what_is_written_meanwhile_appears_when_the_last_user_has_finished(capfd):
    with quiet_start():
        with quiet_start():
            write("inside", START_UP[1])
        write(START_UP[2])
    assert capfd.readouterr().err == "inside\n"


def test_after_an_exception_everything_appears(capfd):
    with pytest.raises(ImportError), quiet_start(), quiet_start():
        write(*START_UP)
        raise ImportError
    assert capfd.readouterr().err.splitlines() == START_UP
    with quiet_start():
        write(*START_UP)
    assert capfd.readouterr().err == ""


def test_a_level_that_the_user_has_set_is_heeded(capfd, monkeypatch):
    monkeypatch.setattr(quiet, "_level", "0")
    with quiet_start():
        write(*START_UP)
    assert capfd.readouterr().err.splitlines() == START_UP


@pytest.mark.parametrize("statement", ["os.close(2)", "sys.stderr = None", "sys.stderr.close()"])
def test_a_process_needs_no_standard_error(statement):
    program = (
        f"import os, sys; from seq2seq.quiet import quiet_start; {statement}\n"
        "with quiet_start(): print('done')"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True)
    assert result.stdout.split() == [b"done"]


def start(level, program):
    """Returns what a process that makes a model writes to standard error."""
    environment = {name: value for name, value in os.environ.items() if name != LEVEL}
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=environment | ({LEVEL: level} if level else {}),
        check=True,
    )
    return result.stderr


MAKE = "seq2seq.Seq2Seq(9, 9, units=2, embedding_dim=2)"


def test_a_first_model_is_made_without_a_word():
    assert start(None, f"import seq2seq; {MAKE}") == ""


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its lines")
def test_tensorflow_starts_with_words_if_they_are_wanted():
    assert "InitializeLog" in start("0", f"import seq2seq; {MAKE}")


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="its threads")
def test_tensorflow_can_be_configured_until_the_first_model():
    program = (
        "import seq2seq, keras, tensorflow as tf; seq2seq.Seq2Seq\n"
        f"tf.config.threading.set_intra_op_parallelism_threads(1); {MAKE}"
    )
    assert start(None, program) == ""
