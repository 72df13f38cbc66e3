"""What `deploy/` and `requirements-runtime.txt` promise: an exported model runs with little."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from conftest import CHINESE, ENGLISH
from test_tokenizers import TEXTS

import seq2seq

pytestmark = pytest.mark.neutral

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNREACHED = "ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|establish a new connection|name resolution"
# Most of it was never seen in training.
SOURCES = [*ENGLISH, "Where's the thank-you night?", "good 早上!", "the the , much", "", "▁ ?"]

TOKENIZE = """
import { readFile } from "node:fs/promises";
import { loadTokenizer } from "./tokenizers.mjs";
const [file, texts] = process.argv.slice(2);
const source = await loadTokenizer(file, "split"), target = await loadTokenizer(file, "join");
const rows = JSON.parse(await readFile(texts, "utf8")).map(source.encode);
console.log(JSON.stringify(rows.map((row) => [row, target.decode(row)])));
"""


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def run(*command, **options):
    """Runs a program and returns what it prints."""
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", **options)
    if result.returncode and re.search(UNREACHED, result.stderr):
        pytest.skip(f"no network: {result.stderr[-200:]}")
    assert result.returncode == 0, result.stderr
    return result.stdout


def lines(texts):
    return "".join(f"{text}\n" for text in texts)


def build_context(folder):
    """Copies what `docker build` sends to Docker."""
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert ignore[0] == "*"
    for pattern in ignore[1:]:
        for path in ROOT.glob(pattern.removeprefix("!")):
            if path.is_dir():
                shutil.copytree(path, folder / path.name)
            else:
                shutil.copy(path, folder)


@pytest.mark.slow
def test_the_dockerfile_installs_little_and_translates(trained, tmp_path):
    trained.export(tmp_path / "translator", verbose=0)
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    source, wheels, image = tmp_path / "source", tmp_path / "wheels", tmp_path / "image"
    source.mkdir()
    build_context(source)
    run(sys.executable, "-m", "venv", image)
    quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_QUIET": "1"}
    inside = {**os.environ, **quiet, "PATH": f"{image / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    inside.pop("PYTHONPATH", None)
    places = {"/source": str(source), "/wheels": str(wheels), "/model": "translator"}

    def in_image(command, **options):
        for name, place in places.items():
            command = command.replace(name, place)
        return run("bash", "-c", command, env=inside, **options)

    for command in re.findall("^RUN (.*)", dockerfile, re.M):
        in_image(command, cwd=source)
    size = sum(path.lstat().st_size for path in image.rglob("*"))
    assert size <= 200e6
    for package in ("keras", "tensorflow", "h5py", "jieba"):
        found = f"import importlib.util; print(importlib.util.find_spec('{package}'))"
        assert in_image(f'python -c "{found}"') == "None\n"

    entry = json.loads(re.search("^ENTRYPOINT (.*)", dockerfile, re.M).group(1))
    printed = in_image(" ".join(entry), cwd=tmp_path, input=lines(SOURCES))
    assert printed == lines(trained.generate(SOURCES))


@pytest.mark.parametrize("lowercase", [False, True])
@pytest.mark.parametrize("kind", [seq2seq.CharTokenizer, seq2seq.WordTokenizer])
def test_javascript_splits_and_joins_texts_as_python_does(kind, lowercase, tmp_path):
    need("node")
    known = [*TEXTS.values(), "a\x85b\ufeffc\x1cd", "½ Ⅳ² ٣٫٤ 1.٣", "I'ſ it'S we'VE", "ΣΑΣ İ"]
    tokenizer = kind(lowercase=lowercase).adapt(known)
    texts = [*known, "never 讀過 this"]
    tokenizer.save(tmp_path / "tokenizer.json")
    (tmp_path / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    shutil.copy(DEPLOY / "node" / "tokenizers.mjs", tmp_path)
    (tmp_path / "tokenize.mjs").write_text(TOKENIZE, encoding="utf-8")
    printed = run("node", "tokenize.mjs", "tokenizer.json", "texts.json", cwd=tmp_path)
    expected = [[row, tokenizer.decode(row)] for row in tokenizer.encode_all(texts)]
    assert json.loads(printed) == expected


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A folder with the page and the packages that it needs."""
    need("node", "npm")
    folder = shutil.copytree(DEPLOY / "node", tmp_path_factory.mktemp("node") / "page")
    install = ["npm", "install", "--no-audit", "--no-fund"]
    result = subprocess.run(install, cwd=folder, capture_output=True, text=True)
    if result.returncode:
        pytest.skip(f"npm cannot install onnxruntime-node: {result.stderr[-200:]}")
    return folder


@pytest.fixture(scope="module")
def back():
    """A model of the phrases in the other direction, with words as its targets."""
    keras.utils.set_random_seed(7)
    model = seq2seq.Seq2Seq(
        seq2seq.CharTokenizer().adapt(CHINESE),
        seq2seq.WordTokenizer().adapt(ENGLISH),
        embedding_dim=16,
        units=32,
        attention="luong",
    )
    model.optimizer.learning_rate = 0.02
    model.fit(CHINESE, ENGLISH, epochs=60, verbose=0)
    return model


@pytest.mark.slow
@pytest.mark.parametrize("quantize", [None, "int8"])
def test_javascript_translates_as_python_does(trained, back, quantize, node, tmp_path):
    trained.export(tmp_path / "forth", quantize=quantize, verbose=0)
    back.export(tmp_path / "back", quantize=quantize, verbose=0)
    for name, texts in (("forth", SOURCES), ("back", [*CHINESE, "车站早上", "早 早安？", "ok"])):
        printed = run("node", node / "translate.mjs", tmp_path / name, input=lines(texts))
        assert printed == lines(seq2seq.load_model(tmp_path / name).generate(texts))


@pytest.mark.slow
def test_javascript_refuses_what_it_cannot_run(node, tmp_path):
    classifier = seq2seq.TextClassifier(seq2seq.CharTokenizer().adapt(CHINESE), ["a", "b"])
    classifier.export(tmp_path / "classifier", verbose=0)
    jieba = seq2seq.JiebaTokenizer().adapt(CHINESE)
    model = seq2seq.Seq2Seq(jieba, jieba, embedding_dim=16, units=32)
    model.export(tmp_path / "words", verbose=0)
    shutil.copytree(tmp_path / "words", tmp_path / "newer")
    settings = json.loads((tmp_path / "words" / "settings.json").read_text("utf-8"))
    (tmp_path / "newer" / "settings.json").write_text(json.dumps({**settings, "format": 3}))
    for name, reason in (
        ("classifier", "to be an exported Seq2Seq. Received: TextClassifier."),
        ("newer", "of format 2 or older. Received: 3."),
        ("words", "to be a word or character tokenizer. Received: seq2seq>JiebaTokenizer."),
    ):
        command = ["node", node / "translate.mjs", tmp_path / name]
        result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
        assert reason in result.stderr.decode("utf-8")
