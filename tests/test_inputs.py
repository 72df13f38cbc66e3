"""What `fit` and its neighbours take: columns, tables, pairs, datasets; and what they refuse."""

import collections
import pathlib

import keras
import numpy as np
import pytest
from conftest import CHINESE, ENGLISH

import seq2seq
from seq2seq.data.inputs import is_texts
from seq2seq.data.tables import read_data, read_validation
from seq2seq.text.columns import read_column

pytestmark = pytest.mark.neutral

PAIRS = list(zip(ENGLISH, CHINESE, strict=True))
UNNAMED = {"source": None, "target": None}
NAMED = {"source": "en", "target": "zh"}


Table = collections.namedtuple("Table", "column_names")  # as a part of a DatasetDict


def in_pandas(kind, texts):
    pandas = pytest.importorskip("pandas")
    return pandas.Series(texts, dtype=kind)


def in_polars(texts):
    return pytest.importorskip("polars").Series(texts)


def in_hugging_face(texts):
    return pytest.importorskip("datasets").Dataset.from_dict({"text": texts})["text"]


def in_tensorflow(texts):
    return pytest.importorskip("tensorflow").data.Dataset.from_tensor_slices(texts)


COLUMNS = {
    "object": lambda texts: np.array(texts, dtype=object),
    "U": np.array,
    "S": lambda texts: np.array([text.encode() for text in texts]),
    "bytes": lambda texts: np.array([text.encode() for text in texts], dtype=object),
    "T": lambda texts: np.array(texts, dtype=np.dtypes.StringDType()),
    "pandas": lambda texts: in_pandas(object, texts),
    "pandas string": lambda texts: in_pandas("string", texts),
    "pandas Arrow": lambda texts: pytest.importorskip("pyarrow") and in_pandas("str", texts),
    "pandas category": lambda texts: in_pandas("category", texts),
    "polars": in_polars,
    "Arrow": lambda texts: pytest.importorskip("pyarrow").chunked_array([texts]),
    "Hugging Face": in_hugging_face,
    "tf.data": in_tensorflow,
    "tf.data batches": lambda texts: in_tensorflow(texts).batch(3),
    "tensor": lambda texts: pytest.importorskip("tensorflow").constant(texts),
    "deque": collections.deque,
    "values": lambda texts: dict(enumerate(texts)).values(),
    "keys": lambda texts: dict.fromkeys(texts).keys(),
}


def make_frame(library):
    return pytest.importorskip(library).DataFrame({"en": ENGLISH, "zh": CHINESE, "n": [1, 2, 3, 4]})


def make_translations():
    records = [{"en": source, "zh": target} for source, target in PAIRS]
    return pytest.importorskip("datasets").Dataset.from_dict({"translation": records})


TABLES = {
    "pandas": lambda: make_frame("pandas"),
    "polars": lambda: make_frame("polars"),
    "Hugging Face": lambda: pytest.importorskip("datasets").Dataset.from_dict(
        {"zh": CHINESE, "en": ENGLISH}
    ),
    "translation": make_translations,
    "streamed": lambda: make_translations().to_iterable_dataset(),
    "Arrow": lambda: pytest.importorskip("pyarrow").table({"en": ENGLISH, "zh": CHINESE}),
    "tf.data": lambda: in_tensorflow({"zh": CHINESE, "en": ENGLISH}),
    "tf.data batches": lambda: in_tensorflow({"zh": CHINESE, "en": ENGLISH}).batch(3),
}

LISTS_OF_PAIRS = {
    "tuples": lambda: PAIRS,
    "lists": lambda: list(map(list, PAIRS)),
    "array": lambda: np.array(PAIRS),
    "zip": lambda: zip(ENGLISH, CHINESE, strict=True),
    "generator": lambda: (pair for pair in PAIRS),
    "tf.data": lambda: in_tensorflow((ENGLISH, CHINESE)),
    "tf.data batches": lambda: in_tensorflow((ENGLISH, CHINESE)).batch(3),
}


class TestColumns:
    @pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)
    def test_any_column_is_read_in_its_order(self, make):
        assert read_column(make(CHINESE)) == CHINESE

    @pytest.mark.parametrize("make", [*COLUMNS.values(), iter, set], ids=[*COLUMNS, "iter", "set"])
    def test_a_tokenizer_adapts_to_any_column(self, make):
        expected = seq2seq.CharTokenizer().adapt(CHINESE).vocabulary
        assert seq2seq.CharTokenizer().adapt(make(CHINESE)).vocabulary == expected

    @pytest.mark.parametrize("make", [list, lambda texts: in_pandas("string", texts)])
    def test_a_missing_text_is_told_with_its_place(self, model, make):
        column = make(["good", None])
        calls = (
            seq2seq.CharTokenizer().adapt,
            model.generate,
            lambda texts: model.fit(texts, texts),
            lambda texts: model.score(texts, texts),
        )
        for call in calls:
            with pytest.raises(ValueError, match=r"in place 1: .*Leave it out"):
                call(column)

    def test_numbers_stay_as_they_are(self):
        ids = np.array([[4, 3]])
        assert read_column(ids) is ids
        dataset = in_tensorflow([1, 2])
        assert read_column(dataset) is dataset

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda: np.array([b"ok", b"\xe9t\xe9"]), r"UTF-8\. Received in place 1: .*Decode"),
            (lambda: in_tensorflow(["a"]).repeat(), "Leave out `repeat"),
        ],
    )
    def test_what_cannot_be_read_to_its_end(self, make, words):
        with pytest.raises(ValueError, match=words):
            read_column(make())

    @pytest.mark.parametrize("name", ["S", "pandas", "tf.data", "keys", "Hugging Face"])
    def test_generate_and_score_take_them_in_their_order(self, trained, name):
        column = COLUMNS[name]
        assert trained.generate(column(ENGLISH)) == CHINESE
        expected = trained.score(ENGLISH, CHINESE)
        assert trained.score(column(ENGLISH), column(CHINESE)) == pytest.approx(expected)

    def test_a_generator_is_read_once(self, trained):
        assert trained.generate(text for text in ENGLISH) == CHINESE
        scores = trained.score(iter(ENGLISH), iter(CHINESE))
        assert scores == pytest.approx(trained.score(ENGLISH, CHINESE))

    def test_one_text_gives_one_text(self, trained):
        assert trained.generate(np.array(ENGLISH)[1]) == CHINESE[1]


class TestTables:
    @pytest.mark.parametrize("make", TABLES.values(), ids=TABLES)
    def test_columns_are_named(self, make):
        assert read_data(make(), None, NAMED) == (ENGLISH, CHINESE)

    def test_columns_called_as_expected_need_no_names(self):
        frame = make_frame("pandas").rename(columns={"en": "source", "zh": "target"})
        assert read_data(frame, None, UNNAMED) == (ENGLISH, CHINESE)
        assert read_data(frame, None, {"source": "target", "target": "source"})[0] == CHINESE

    def test_numbers_and_other_values_come_as_labels(self):
        frame = make_frame("pandas")
        assert read_data(frame, None, {"text": "en", "label": "n"}) == (ENGLISH, [1, 2, 3, 4])

    def test_shuffled_texts_keep_their_targets(self):
        table = in_tensorflow({"target": CHINESE, "source": ENGLISH}).shuffle(4)
        assert sorted(zip(*read_data(table, None, UNNAMED), strict=True)) == sorted(PAIRS)

    def test_an_empty_table_has_empty_columns(self):
        for table in (make_frame("pandas")[:0], TABLES["tf.data"]().take(0)):
            assert read_data(table, None, NAMED) == ([], [])

    def test_a_frame_of_ids_is_left_to_keras(self):
        frame = pytest.importorskip("pandas").DataFrame([[4, 3], [5, 3]])
        assert read_data(frame, None, {"text": None})[0] is frame

    @pytest.mark.parametrize(
        ("names", "words"),
        [
            (UNNAMED, r"called 'source'.*\['en', 'zh', 'n'\].*: source='en', target='zh'"),
            ({"source": "en", "target": "fr"}, r"called 'fr'.*\['en', 'zh', 'n'\]"),
            ({"source": "n", "target": "zh"}, r"texts in the column 'n'.* 1 .*astype\(str\)"),
        ],
    )
    @pytest.mark.parametrize("library", ["pandas", "polars"])
    def test_wrong_names_are_told_the_right_ones(self, library, names, words):
        with pytest.raises(ValueError, match=words):
            read_data(make_frame(library), None, names)

    def test_languages_are_told_too(self):
        with pytest.raises(ValueError, match=r"\['en', 'zh'\] in it.*: source='en', target='zh'"):
            read_data(make_translations(), None, UNNAMED)

    @pytest.mark.parametrize("library", ["pandas", "polars"])
    @pytest.mark.parametrize("column", ["zh", "n"])
    def test_a_missing_value_is_told_with_its_row(self, library, column):
        values = {"en": ["a", "b"], "zh": ["c", "d"], "n": [1, 2]}
        values[column][1] = None
        frame = pytest.importorskip(library).DataFrame(values)
        role = "target" if column == "zh" else "label"
        with pytest.raises(ValueError, match=rf"column '{column}'.* in row 1, .*`dropna`"):
            read_data(frame, None, {"source": "en", role: column})

    def test_names_need_a_table_and_a_table_no_second_argument(self):
        with pytest.raises(ValueError, match="a table, such as a data frame, with source='en'"):
            read_data(ENGLISH, CHINESE, {"source": "en", "target": None})
        with pytest.raises(ValueError, match="no second argument"):
            read_data(make_frame("pandas"), CHINESE, NAMED)


class TestPairs:
    @pytest.mark.parametrize("make", LISTS_OF_PAIRS.values(), ids=LISTS_OF_PAIRS)
    def test_pairs_become_two_lists(self, make):
        assert read_data(make(), None, UNNAMED) == (ENGLISH, CHINESE)

    def test_a_text_and_its_label(self):
        data = read_data([("好", 1), ("差", 0)], None, {"text": None, "label": None})
        assert data == (["好", "差"], [1, 0])

    def test_ids_and_batches_are_no_pairs(self):
        for x in ([[4, 3], [5, 3]], [np.ones((2, 3)), np.ones((2, 3))], [[4.5, 3.0], [1, 2]]):
            assert read_data(x, None, UNNAMED) == (x, None)
        batches, _ = read_data(iter([(np.ones(1), 1), (np.ones(1), 0)]), None, UNNAMED)
        assert len(list(batches)) == 2

    def test_an_iterator_has_rows_not_sides(self):
        read = read_data(iter([["a", "x"], ["b", "y"]]), None, UNNAMED)
        assert read == (["a", "b"], ["x", "y"])

    @pytest.mark.parametrize(
        ("pairs", "words"),
        [
            ((ENGLISH, CHINESE), r"two lists.*fit\(\*pairs\)"),
            ([("a", "b"), ("c",)], r"place 1: \('c',\)"),
            ([("a", "b", "c")], "place 0"),
            ([("a", "b"), (None, "d")], r"place 1: \(None"),
            ([["a"], ["b"], ["c"]], r"place 0: \['a'\]"),
        ],
    )
    def test_what_is_no_pair_is_named(self, pairs, words):
        with pytest.raises(ValueError, match=words):
            read_data(pairs, None, UNNAMED)

    @pytest.mark.parametrize("count", [2, 3, 4])
    def test_as_validation_data(self, count):
        expected = ENGLISH[:count], CHINESE[:count]
        forms = [PAIRS[:count], iter(PAIRS[:count]), expected, list(expected)]
        for data in forms:
            assert read_validation(data, UNNAMED, is_read=is_texts) == expected


class TestModels:
    """The whole way, for one of each kind."""

    def test_a_frame_trains_as_its_columns_do(self, model):
        frame = make_frame("pandas")
        texts = model.evaluate(ENGLISH, CHINESE, verbose=0)
        assert model.evaluate(frame, source="en", target="zh", verbose=0) == pytest.approx(texts)
        options = {"source": "en", "target": "zh", "verbose": 0, "validation_split": 0.25}
        assert "val_loss" in model.fit(frame, **options).history
        assert model.manifest["data"]["pairs"] == 4
        options["validation_data"] = frame[:3]
        model.fit(frame, **options)
        assert model.manifest["validation"]["pairs"] == 3

    def test_a_function_is_called_in_each_epoch(self, model):
        calls = []

        def read_pairs():
            calls.append(1)
            return iter(PAIRS)

        expected = model.evaluate(PAIRS, verbose=0)
        assert model.evaluate(read_pairs, verbose=0) == pytest.approx(expected)
        calls.clear()
        history = model.fit(read_pairs, epochs=3, validation_data=lambda: PAIRS, verbose=0)
        assert len(calls) >= 3 and len(history.history["val_loss"]) == 3
        with pytest.raises(ValueError, match="validation_split"):
            model.fit(read_pairs, validation_split=0.5)

    def test_what_keras_takes_goes_to_keras(self, model):
        inputs, labels = model.encode_pairs(ENGLISH, CHINESE)

        class Batches(keras.utils.PyDataset):
            def __len__(self):
                return 1

            def __getitem__(self, index):
                return tuple(inputs), labels

        expected = model.evaluate(inputs, labels, verbose=0)
        batch = dict(zip(("source_ids", "target_ids"), inputs, strict=True)), labels
        forms = [Batches(), in_tensorflow(batch).batch(4), (batch for _ in range(1))]
        for data in forms:
            assert model.evaluate(data, verbose=0) == pytest.approx(expected, rel=1e-4)
        model.fit(Batches(), validation_data=Batches(), verbose=0)
        model.fit((batch for _ in range(2)), steps_per_epoch=2, shuffle=False, verbose=0)

    def test_a_language_model(self):
        frame = pytest.importorskip("pandas").DataFrame({"line": ENGLISH})
        model = seq2seq.LanguageModel(seq2seq.WordTokenizer().adapt(frame["line"]), 8, 8)
        model.fit(frame, text="line", validation_data=frame["line"][:2], verbose=0)
        assert model.manifest["data"]["texts"] == 4
        assert model.manifest["validation"]["texts"] == 2
        model.fit(in_tensorflow(ENGLISH), verbose=0, carry_states=True, batch_size=2)
        with pytest.raises(ValueError, match="holds its texts in memory"):
            model.fit(lambda: ENGLISH)

    def test_a_classifier(self):
        frame = pytest.importorskip("pandas").DataFrame({"review": ENGLISH, "stars": [1, 0, 1, 0]})
        tokenizer = seq2seq.WordTokenizer().adapt(frame["review"])
        model = seq2seq.TextClassifier(tokenizer, 2, 8, 8, pair_buckets=0)
        model.fit(frame, text="review", label="stars", verbose=0)
        report = model.evaluate(list(zip(ENGLISH, [1, 0, 1, 0], strict=True)))
        assert model.evaluate(frame, text="review", label="stars")["loss"] == report["loss"]
        assert model.classify(frame["review"]) == model.classify(ENGLISH)


class TestRefusals:
    @pytest.mark.parametrize(
        ("x", "words"),
        [
            (None, "Expected a list of texts"),
            ("good morning", "Put it in a list"),
            ("data.tsv", "seq2seq.read_pairs"),
            (pathlib.Path("data"), "seq2seq.read_pairs"),
            (b"good", "Decode"),
            ([b"good"], r"\[text.decode"),
            (set(ENGLISH), r"sorted\("),
            ({"source": ENGLISH, "target": CHINESE}, r"data\['source'\]"),
            ([["good"], ["night"]], "as one str"),
            ([[4.5, 3.0]], "as an array"),
            (["good", 3], r"place 1: 3 .*Leave it out"),
            ({"train": Table(["en"])}, r"data\['train'\]"),
        ],
    )
    def test_the_cure_is_said(self, model, x, words):
        with pytest.raises(ValueError, match=words):
            model.fit(x, CHINESE[:2])

    @pytest.mark.parametrize("data", ["good", {"source": ENGLISH, "target": CHINESE}])
    def test_what_is_no_validation_data(self, model, data):
        with pytest.raises(ValueError, match="Expected validation_data of texts"):
            model.fit(ENGLISH, CHINESE, validation_data=data)

    def test_targets_that_are_missing(self, model):
        with pytest.raises(ValueError, match="Pass the targets too"):
            model.fit(ENGLISH)

    @pytest.mark.parametrize(
        ("x", "words"),
        [
            (set(ENGLISH), r"sorted\("),
            (b"good", "Decode"),
            ([b"good"], "Decode"),
            ([["good"]], "as one str"),
            ({"en": ENGLISH}, r"data\['en'\]"),
        ],
    )
    def test_generate_says_it_too(self, model, x, words):
        with pytest.raises(ValueError, match=words):
            model.generate(x)

    def test_a_table_is_no_column(self, model):
        frame = make_frame("pandas")
        for call in (model.generate, seq2seq.CharTokenizer().adapt):
            with pytest.raises(ValueError, match=r"columns \['en', 'zh', 'n'\].*table\['en'\]"):
                call(frame)

    def test_ids_are_whole_numbers(self, model):
        source_ids, target_ids = np.array([[4.0, 3.0]]), np.array([[2.0, 4.0]])
        labels = np.array([[4.0, 3.0]])
        model.fit([source_ids, target_ids], labels, verbose=0)
        with pytest.raises(ValueError, match="source_ids of whole numbers"):
            model.fit([source_ids + 0.5, target_ids], labels)
        with pytest.raises(ValueError, match="labels of whole numbers"):
            model.fit([source_ids, target_ids], np.array([[4.5, 3.0]]))
        with pytest.raises(ValueError, match="whole numbers"):
            model.evaluate([source_ids * np.nan, target_ids], labels)
        tf = pytest.importorskip("tensorflow")
        dataset = tf.data.Dataset.from_tensors(((source_ids + 0.5, target_ids), labels))
        for data in ({"x": dataset}, {"x": source_ids, "validation_data": dataset}):
            with pytest.raises(ValueError, match="dataset of ids, which are whole numbers"):
                model.fit(**data)
