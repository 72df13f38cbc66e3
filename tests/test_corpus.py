"""Reading pairs from files, splitting them, and naming them by a fingerprint."""

import gzip
import subprocess
import sys

import pytest

from seq2seq.data.corpus import read_lines, read_pairs
from seq2seq.data.splitting import fingerprint, split_pairs

PAIRS = (["Hi.", "Run!"], ["嗨。", "跑！"])


@pytest.fixture
def write(tmp_path):
    """Writes a file, text as UTF-8, and returns its path."""

    def write_file(name, content):
        path = tmp_path / name
        content = content if isinstance(content, bytes) else content.encode("utf-8")
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write_file


TSV = "Hi.\t嗨。\nRun!\t跑！\n"
CSV = 'source,target\nHi.,嗨。\n"Run!",跑！\n'
JSONL = '{"source": "Hi.", "target": "嗨。"}\n\n{"target": "跑！", "source": "Run!", "id": 2}\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pairs.tsv", TSV),
        ("pairs", TSV),
        ("pairs.tsv.gz", TSV),
        ("anki.txt", "Hi.\t嗨。\tCC-BY\nRun!\t跑！\tCC-BY\n"),
        ("pairs.csv", CSV),
        ("pairs.CSV.gz", CSV),
        ("pairs.jsonl", JSONL),
        ("pairs.ndjson", JSONL),
        ("pairs.json.gz", JSONL),
    ],
)
def test_the_name_of_a_file_says_its_format(write, name, content):
    assert read_pairs(write(name, content)) == PAIRS


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.csv", "pairs.jsonl"])
def test_byte_order_mark_and_windows_line_ends_leave_no_trace(write, name):
    content = {"pairs.tsv": TSV, "pairs.csv": CSV, "pairs.jsonl": JSONL}[name]
    assert read_pairs(write(name, "\ufeff" + content.replace("\n", "\r\n"))) == PAIRS


def test_a_last_line_needs_no_line_feed(write):
    assert read_pairs(write("pairs.tsv", TSV.rstrip())) == PAIRS


def test_columns_are_chosen_by_number_or_by_name(write):
    tsv = write("pairs.tsv", "1\t嗨。\tHi.\n2\t跑！\tRun!\n")
    assert read_pairs(tsv, columns=(2, 1)) == PAIRS
    csv = write("pairs.csv", "en,zh\nHi.,嗨。\nRun!,跑！\n")
    assert read_pairs(csv, columns=("en", "zh")) == PAIRS


def test_two_line_aligned_files_are_one_corpus(write):
    source, target = write("train.en", "Hi.\n\nRun!\n"), write("train.zh.gz", "嗨。\n空\n跑！\n")
    assert read_pairs(source, target) == (["Hi.", "", "Run!"], ["嗨。", "空", "跑！"])


def test_blank_lines_are_skipped_but_empty_sides_are_kept(write):
    path = write("pairs.tsv", "\n \nHi.\t\n\r\n\t嗨。\n\t\n")
    assert read_pairs(path) == (["Hi.", "", ""], ["", "嗨。", ""])


def test_only_a_line_feed_separates_lines(write):
    path = write("pairs.tsv", "one\u2028line\ttwo\u2029words\na\x85b\tc\x0bd\x0ce\x1cf\n")
    assert read_pairs(path) == (["one\u2028line", "a b"], ["two\u2029words", "c d e f"])


def test_emoji_and_full_width_punctuation_are_kept(write):
    text = "“你好”，世界！（ＡＢＣ）…… 👩‍👩‍👧 🇨🇳 café"
    assert read_pairs(write("pairs.tsv", f"{text}\t{text}\n")) == ([text], [text])


def test_control_characters_become_spaces_and_outer_space_is_dropped(write):
    path = write("pairs.tsv", "\u3000 a\x07b\x7f\tc\x1b[0md\xa0\n")
    assert read_pairs(path) == (["a b"], ["c [0md"])


def test_csv_texts_may_hold_commas_quotes_and_line_breaks(write):
    path = write("pairs.csv", 'source,target\n"a, ""b""\nc","d\r\ne"\n')
    assert read_pairs(path) == (['a, "b" c'], ["d e"])


def test_half_a_character_escaped_in_json_becomes_a_replacement_character(write):
    path = write("pairs.jsonl", '{"source": "a\\ud83d", "target": "\\ud83d\\ude00"}\n')
    assert read_pairs(path) == (["a\ufffd"], ["😀"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "pairs.tsv",
            "Hi.\t嗨。\nRun! 跑！\n",
            r"line 2: expected source<TAB>target, received 'Run",
        ),
        (
            "pairs.tsv",
            b"Hi.\t\xe5\x97\xa8\nRun!\t\xc5\xdc\xa3\xa1\n",
            r"line 2: expected UTF-8.*iconv",
        ),
        ("pairs.tsv", "Hi.\t嗨\n".encode("utf-16"), r"line 1: .*NUL byte.*UTF-16"),
        ("pairs.tsv", "a\tb\nc\x00\td\n", r"line 2: .*NUL byte"),
        ("pairs.tsv", "", r"at least one pair"),
        ("pairs.tsv", " \n\n", r"at least one pair"),
        ("pairs.csv", "", r"at least one pair"),
        ("pairs.csv", "source,target\n", r"at least one pair"),
        ("pairs.csv", "en,zh\nHi.,嗨。\n", r"line 2: .*'source'.*only \['en', 'zh'\]"),
        ("pairs.csv", "source,target\na,b,c\n", r"line 2: .*3 columns under a header of 2"),
        ("pairs.csv", 'source,target\na,"b\n', r"line 2: .*unexpected end of data"),
        ("pairs.jsonl", '{"source": "a", "target": "b"}\n{"source":\n', r"line 2: .*JSON object"),
        ("pairs.jsonl", '["a", "b"]\n', r"line 1: .*one JSON object a line"),
        ("pairs.jsonl", '{"source": "a", "zh": "b"}\n', r"'target'.*only \['source', 'zh'\]"),
        ("pairs.jsonl", '{"source": "a", "target": 1}\n', r"'target'. Received 1 in it"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_line_and_a_cure(write, name, content, message):
    path = write(name, content)
    with pytest.raises(ValueError, match=message) as caught:
        read_pairs(path)
    assert str(path) in str(caught.value)


def test_bytes_of_gb18030_are_refused_with_the_cure(write):
    path = write("pairs.tsv", "Hello\t你好，世界\n".encode("gb18030"))
    with pytest.raises(ValueError, match="iconv -f GB18030 -t UTF-8"):
        read_pairs(path)


def test_sides_of_different_length_are_refused_with_both_counts(write):
    source, target = write("a.en", "1\n2\n3\n"), write("a.zh", "一\n二\n")
    with pytest.raises(ValueError, match="3 sources and 2 targets"):
        read_pairs(source, target)


def test_columns_must_suit_the_format(write):
    tsv, csv = write("pairs.tsv", TSV), write("pairs.csv", CSV)
    for path, columns in [(tsv, ("en", "zh")), (tsv, (0, -1)), (csv, (0, 1)), (csv, "ab")]:
        with pytest.raises(ValueError, match=r"expected two column (numbers|names) such as"):
            read_pairs(path, columns=columns)
    with pytest.raises(ValueError, match="expected source<TAB>target, received 'Hi"):
        read_pairs(tsv, columns=(0, 2))
    with pytest.raises(ValueError, match="Expected no `columns` with two files"):
        read_pairs(tsv, tsv, columns=(0, 1))


def test_what_is_no_readable_file_is_refused(write, tmp_path):
    broken = write("pairs.tsv", gzip.compress(TSV.encode("utf-8"))[:-9])
    broken = broken.rename(tmp_path / "broken.tsv.gz")
    for path in (
        tmp_path / "absent.tsv",
        tmp_path,
        broken,
        write("x.tsv", TSV).rename(tmp_path / "x.gz"),
    ):
        with pytest.raises(ValueError, match="expected a file that can be read"):
            read_pairs(path)


def test_lines_keep_their_places(write):
    assert read_lines(write("in.txt", "\ufeffa\tb\r\n\r\n 你好 \n")) == ["a b", "", "你好"]
    assert read_lines(write("in.txt.gz", "a\n\n")) == ["a", ""]
    assert read_lines(write("empty.txt", "")) == []


def test_no_text_is_shared_between_parts_and_no_pair_is_lost():
    sources, targets = [f"s{i // 3}" for i in range(300)], [f"t{i // 2}" for i in range(300)]
    parts = split_pairs(sources, targets, validation=0.1, test=30)
    assert sorted(p for part in parts for p in zip(*part, strict=True)) == sorted(
        zip(sources, targets, strict=True)
    )
    for side in (0, 1):
        texts = [set(part[side]) for part in parts]
        assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])
    assert [len(part[0]) for part in parts] == [240, 30, 30]


def test_pairs_of_a_part_keep_their_order_and_the_seed_decides_the_parts():
    texts = [f"{i:03}" for i in range(100)]
    parts = split_pairs(texts, texts, seed=1)
    assert all(sources == sorted(sources) for sources, _ in parts)
    assert parts == split_pairs(texts, texts, seed=1)
    assert parts != split_pairs(texts, texts, seed=2)


def test_a_part_of_size_zero_is_empty():
    train, validation, test = split_pairs(["a", "b"], ["1", "2"], validation=0.5, test=0)
    assert (len(train[0]), len(validation[0]), test) == (1, 1, ([], []))


def test_parts_that_cannot_be_filled_are_refused():
    with pytest.raises(ValueError, match="3 pairs in 1 groups without common texts"):
        split_pairs(["a", "a", "b"], ["1", "2", "2"])
    for size in (-0.1, 1.0):
        with pytest.raises(ValueError, match=f"`test` to be a number.*test={size}"):
            split_pairs(["a"], ["b"], test=size)


def test_a_fingerprint_tells_order_and_borders_apart():
    names = [
        fingerprint(["a", "b"], ["1", "2"]),
        fingerprint(["b", "a"], ["2", "1"]),
        fingerprint(["a\n", "b"], ["1", "2"]),
        fingerprint(["a", "b"], ["2", "1"]),
        fingerprint(["a"], ["b"]),
        fingerprint(["ab"], [""]),
    ]
    assert len(set(names)) == len(names)
    assert all(len(name) == 16 for name in names)


def test_parts_and_fingerprint_are_the_same_in_a_process_with_another_hash_seed(monkeypatch):
    code = (
        "from seq2seq.data.splitting import fingerprint, split_pairs;"
        "texts = [f'text {i % 70}' for i in range(90)];"
        "print([fingerprint(*part) for part in split_pairs(texts, texts)])"
    )
    printed = set()
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        printed.add(process.stdout)
    assert len(printed) == 1


def test_lists_that_are_no_pairs_are_refused():
    with pytest.raises(ValueError, match="2 sources and 1 targets"):
        split_pairs(["a", "b"], ["1"])
    with pytest.raises(ValueError, match="at least one pair"):
        fingerprint([], [])
    with pytest.raises(ValueError, match="Put it in a list"):
        fingerprint("ab", ["1", "2"])
