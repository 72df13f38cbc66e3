"""What is imported when, and which room may import which."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import seq2seq
import seq2seq.evaluation

pytestmark = pytest.mark.neutral

PACKAGE = Path(seq2seq.__file__).parent
# Each room may import those before it. Some files belong to no room: all may import them.
ROOMS = [
    "text",
    "data",
    "generation",
    "tasks",
    "runtime",
    "layers",
    "networks",
    "training",
    "models",
    "files",
    "export",
    "evaluation",
    "callbacks",
    "plotting",
    "serving",
    "commands",
    "cli",
    "__main__",
]
SHARED = {
    "checks",
    "backend",
    "cores",
    "atomic_write",
    "lazy",
    "keras_registry",
    "progress",
    "quiet",
    "version",
}
HEAVY = "{'keras', 'tensorflow', 'jax', 'numpy', 'jieba'}"
WITHOUT_KERAS = """
import seq2seq
seq2seq.CharTokenizer().adapt(["你好"]), seq2seq.SubwordTokenizer, seq2seq.Sample
import seq2seq.cli, seq2seq.generation.loop, seq2seq.networks.options, seq2seq.files.keras_file
"""


def run(program, **options):
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-c", program],
        capture_output=True,
        text=True,
        encoding="utf-8",
        **options,
    )


def imported_modules(path):
    """Yields the modules of this package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module.startswith("seq2seq"):
            if node.module == "seq2seq":
                yield from (f"seq2seq.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("seq2seq"))


def room_of(module):
    return module.split(".")[1]


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room == "__init__":
        return
    for module in imported_modules(path):
        other = room_of(module)
        if room in SHARED:
            assert other in SHARED, f"{path.name}, which all rooms share, imports {module}"
        else:
            known = other in SHARED or ROOMS.index(other) <= ROOMS.index(room)
            assert known, f"{path.relative_to(PACKAGE)} imports {module}, a later room"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_long(path):
    """300 lines at most, docstrings not counted."""
    text = path.read_text(encoding="utf-8")
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    strings = [
        node.body[0]
        for node in ast.walk(ast.parse(text))
        if isinstance(node, documented) and ast.get_docstring(node)
    ]
    docstrings = sum(string.end_lineno - string.lineno + 1 for string in strings)
    assert len(text.splitlines()) - docstrings <= 300


def test_importing_the_package_imports_nothing_else():
    result = run(f"import sys, seq2seq; print(sorted({HEAVY} & sys.modules.keys()))")
    assert result.stdout.strip() == "[]", result.stderr


def test_texts_samplers_and_the_command_line_need_no_keras():
    result = run(f"{WITHOUT_KERAS}import sys; print('keras' in sys.modules)")
    assert result.stdout.strip() == "False", result.stderr


ORDERS = [
    "import seq2seq, keras",  # the other order is that of all tests
    "import seq2seq, tensorflow, keras",  # TensorFlow asks where Keras is
    "import seq2seq, importlib.util; importlib.util.find_spec('keras'); import keras",
    "import seq2seq; seq2seq.CharTokenizer; import tensorflow as tf; tf.keras.layers; import keras",
    "import seq2seq.layers.recurrent, keras",
    "import threading; threading.Thread(target=lambda: __import__('keras')).start()\n"
    "import time; time.sleep(0.2); import seq2seq, keras",
]


@pytest.mark.parametrize("order", ORDERS)
def test_keras_knows_our_classes_whichever_is_imported_first(order):
    saved = Path(__file__).parent / "saved_models" / "language_model.keras"
    program = (
        f"{order}\n"
        f"model = keras.saving.load_model({str(saved)!r})\n"
        "assert type(model) is seq2seq.LanguageModel, type(model)\n"
        "tokenizer = seq2seq.WordTokenizer().adapt(['a b'])\n"
        "config = keras.saving.serialize_keras_object(tokenizer)\n"
        "assert config['registered_name'] == 'seq2seq>WordTokenizer', config\n"
        "copy = keras.saving.deserialize_keras_object(config)\n"
        "assert copy.vocabulary == tokenizer.vocabulary\n"
        "print(keras.__spec__.loader.__class__.__name__)"
    )
    result = run(program)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "SourceFileLoader"


@pytest.mark.parametrize("package", [seq2seq, seq2seq.evaluation])
def test_every_name_is_offered_and_found(package):
    assert dir(package) == package.__all__ == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Seq3Seq'"):
        package.Seq3Seq  # noqa: B018


def test_a_folder_of_the_same_name_does_not_hide_the_package(tmp_path):
    (tmp_path / "seq2seq").mkdir()
    result = run("import seq2seq; print(seq2seq.BOS)", cwd=tmp_path)
    assert result.stdout.strip() == "2", result.stderr


def test_a_script_of_the_same_name_is_no_command(tmp_path):
    """Python puts the folder of a script first, but a file without `.py` is no module."""
    script = tmp_path / "seq2seq"
    script.write_text("import seq2seq\nprint(seq2seq.CharTokenizer())", encoding="utf-8")
    result = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert "CharTokenizer" in result.stdout, result.stderr
