"""Reading pairs from files, splitting them, and naming them by a fingerprint."""

import gzip
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from seq2seq.data.corpus import read_lines, read_pair_files, read_pairs
from seq2seq.data.splitting import fingerprint, split_pairs

pytestmark = pytest.mark.neutral

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
    tsv = write("pairs.tsv", "id\tzh\ten \r\n1\t嗨。\tHi.\r\n2\t跑！\tRun!\r\n")
    assert read_pairs(tsv, columns=("en", "zh")) == PAIRS
    csv = write("pairs.csv", "zh,id,en\n嗨。,1,Hi.\n跑！,2,Run!\n")
    assert read_pairs(csv, columns=("en", "zh")) == PAIRS
    assert read_pairs(csv, columns=(2, 0)) == PAIRS  # the header is one all the same
    assert read_pair_files([csv], columns=("2", "0")) == PAIRS


def test_an_empty_table_with_named_columns_has_no_pairs(write):
    with pytest.raises(ValueError, match="at least one pair"):
        read_pairs(write("pairs.tsv", "\n"), columns=("en", "zh"))


@pytest.mark.parametrize(
    "content",
    [
        '[{"source": "Hi.", "target": "嗨。"},\n {"target": "跑！", "source": "Run!"}]',
        '\n[\n{\n"source": "Hi.",\n\n"target": "嗨。"},\n{"target": "跑！", "source": "Run!"}\n]\n',
        '[["Hi.", "嗨。", 1], ["Run!", "跑！", 2]]',
        '[{"translation": {"en": "Hi.", "zh": "嗨。"}}, '
        '{"translation": {"zh": "跑！", "en": "Run!"}}]',
    ],
)
def test_a_json_file_may_be_one_array(write, content):
    assert read_pairs(write("pairs.json", content)) == PAIRS


def test_arrays_in_json_have_numbered_columns(write):
    path = write("pairs.json", '[[1, "嗨。", "Hi."], [2, "跑！", "Run!"]]')
    assert read_pairs(path, columns=(2, 1)) == PAIRS


def test_records_of_hugging_face_hold_their_languages_in_translation(write):
    lines = [
        '{"id": 1, "translation": {"en": "Hi.", "zh": "嗨。"}}',
        '{"id": 2, "translation": {"zh": "跑！", "en": "Run!"}}',
    ]
    path = write("pairs.jsonl", "\n".join(lines))
    assert read_pairs(path) == PAIRS
    assert read_pairs(path, columns=("zh", "en")) == PAIRS[::-1]


def test_a_column_may_be_called_translation(write):
    path = write("pairs.jsonl", '{"text": "Hi.", "translation": "嗨。"}')
    assert read_pairs(path, columns=("text", "translation")) == (["Hi."], ["嗨。"])


def test_quotes_in_tab_separated_lines_are_characters_like_others(write):
    path = write("pairs.tsv", '"Hi," he said.\t"嗨。"\n"a ""b"""\t"\n')
    assert read_pairs(path) == (['"Hi," he said.', '"a ""b"""'], ['"嗨。"', '"'])


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.csv", "pairs.jsonl", "pairs.json"])
def test_a_text_may_be_a_megabyte_long(write, name):
    long = "字" * 2**20
    content = {
        "pairs.tsv": f"Hi.\t{long}\n",
        "pairs.csv": f'source,target\nHi.,"{long}"\n',
        "pairs.jsonl": f'{{"source": "Hi.", "target": "{long}"}}\n',
        "pairs.json": f'[["Hi.", "{long}"]]',
    }
    assert read_pairs(write(name, content[name])) == (["Hi."], [long])


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.csv", "pairs.jsonl"])
def test_reading_takes_little_memory_beside_the_pairs(write, name):
    """Neither the bytes of a file nor its whole text is kept."""
    line = {"tsv": "{}\t{}", "csv": "{},{}", "jsonl": '{{"source": "{}", "target": "{}"}}'}
    line = line[name.split(".")[1]]
    lines = [line.format("source", "target")] if name.endswith("csv") else []
    lines += [line.format(f"{i:0999}", f"字{i}") for i in range(2000)]
    path = write(name, "\n".join(lines))
    tracemalloc.start()
    try:
        pairs = read_pairs(path)
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pairs[0]) == 2000
    assert peak - held < path.stat().st_size / 4


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
        ("pairs.tsv", "你\n".encode("utf-16"), r"line 1: .*iconv -f UTF-16"),
        ("pairs.tsv", "a\tb\nc\x00\td\n", r"line 2: .*NUL byte"),
        ("pairs.tsv", "", r"at least one pair"),
        ("pairs.tsv", " \n\n", r"at least one pair"),
        ("pairs.csv", "", r"at least one pair"),
        ("pairs.csv", "source,target\n", r"at least one pair"),
        ("pairs.csv", "en,zh\nHi.,嗨。\n", r"line 1: .*'source'.*only \['en', 'zh'\]"),
        ("pairs.csv", "source,source,target\n1,2,3\n", r"'source'.*Received 2 of that name"),
        ("pairs.csv", "source,target\na,b,c\n", r"line 2: .*3 columns under a header of 2"),
        ("pairs.csv", 'source,target\na,"b\n', r"line 2: .*unexpected end of data"),
        ("pairs.csv", 'source,target\na,"b\nc,d\ne,f\n', r"line 2 to 4: .*unexpected end"),
        ("pairs.csv", "source,target\na,b\rc,d\n", r"line 2: .*unquoted field. Put texts"),
        ("pairs.tsv", '"Hi,\nyou."\t你好。\n', r"line 1: .*Quotes join no lines .* as .csv"),
        ("pairs.tsv", "a\tb\rc\td\r", r"line 1: .*carriage returns alone. Save"),
        ("pairs.jsonl", '{"source": "a", "target": "b"}\n{"source":\n', r"line 2: .*JSON object"),
        ("pairs.jsonl", '["a"]\n', r"item 1: .*object or array with two texts.*'a'"),
        ("pairs.jsonl", '{"source": "a"}3\n', r"line 1: .*one JSON object a line.*Extra data"),
        ("pairs.json", '[["a", "b"],\n\n["c" "d"]]\n', r"line 3: .*one array.*'\[\"c\" \"d"),
        ("pairs.json", '[["a", "b"], ["c"]]', r"item 2: .*column 1. Received only \[0\]"),
        ("pairs.json", '[\n["a", "b"]\n', r"line 2: .*one array"),
        ("pairs.json", "[" * 100_000, r"line 1: .*one array"),
        ("pairs.json", '{"translation": {"de": "", "en": "", "zh": ""}}', r"only \['de', 'en'"),
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


def test_columns_must_be_two_names_or_two_numbers_that_are_there(write):
    tsv, csv, json = write("p.tsv", TSV), write("p.csv", CSV), write("p.json", JSONL)
    for path, columns in [(tsv, ("en", 1)), (tsv, (0, -1)), (csv, (0, True)), (csv, "ab")]:
        with pytest.raises(ValueError, match=r"two column names such as .* or two column"):
            read_pairs(path, columns=columns)
    for path, columns, message in [
        (tsv, (0, 2), "expected source<TAB>target, received 'Hi"),
        (tsv, ("en", "zh"), r"line 1: .*'en' in the header. Received only \['Hi.', '嗨。'\]"),
        (csv, (0, 2), r"line 1: .*column 2 in the header. Received only \['source', 'target'\]"),
        (json, (0, 1), r"line 1: .*column 0. Received only \['source', 'target'\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            read_pairs(path, columns=columns)
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
    parts = split_pairs(sources, targets, validation=0.1, test=np.int64(30))
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


def test_a_tab_in_quotes_is_told(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text('"the\tcat"\t猫\n', encoding="utf-8")
    with pytest.raises(ValueError, match="a quote begins that ends after a tab"):
        read_pairs(path)
    path.write_text('"the" cat\t"猫"\n5" pipe\t管\n', encoding="utf-8")
    assert read_pairs(path) == (['"the" cat', '5" pipe'], ['"猫"', "管"])


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_json_lines_of_arrays(tmp_path, suffix):
    path = tmp_path / f"pairs{suffix}"
    path.write_text('["Hi.", "嗨。"]\n["Run!", "跑！"]\n', encoding="utf-8")
    assert read_pairs(path) == (["Hi.", "Run!"], ["嗨。", "跑！"])
