"""The n-gram baseline."""

import json
import zipfile

import numpy as np
import pytest

import seq2seq
from seq2seq.models.ngram import NGramModel

pytestmark = pytest.mark.neutral

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a bird sang and the cat heard it"]


@pytest.fixture(scope="module")
def ngrams():
    return NGramModel(seq2seq.CharTokenizer().adapt(TEXTS), order=4).fit(TEXTS)


@pytest.mark.parametrize("before", ["", "t", "the c", "tttt", "zzz"])
def test_probabilities_add_up_to_one(ngrams, before):
    ids = [seq2seq.BOS, *ngrams.tokenizer.encode(before)]
    distribution = ngrams._distribution(ids)
    assert distribution.sum() == pytest.approx(1)
    assert distribution[[seq2seq.PAD, seq2seq.BOS]].sum() == 0 and (distribution[1:2] > 0).all()
    each = [ngrams._probability(ids, i) for i in range(3, ngrams.vocabulary_size)]
    np.testing.assert_allclose(distribution[3:], each)


def test_bigrams_are_those_of_the_formula_by_hand():
    model = NGramModel(seq2seq.CharTokenizer().adapt(["ab"]), order=2).fit(["aab", "ab", "b"])
    a, b = model.tokenizer.encode("ab")
    unigrams, bigrams = model._levels
    # A letter counts by the letters it was seen behind: a behind a; b behind a. The first ones of
    # the texts are bigrams with BOS; the ends follow b.
    assert unigrams.contexts[()][0] == {a: 2, b: 2, seq2seq.EOS: 1}
    assert bigrams.contexts[(a,)][0] == {a: 1, b: 2}
    assert bigrams.contexts[(seq2seq.BOS,)][0] == {a: 2, b: 1}
    one, two = bigrams.discounts[1:3]
    unigram = (2 - unigrams.discounts[2]) / 5 + unigrams.contexts[()][2] / 4
    expected = (2 - two) / 3 + (one + two) / 3 * unigram
    assert model._probability([a], b) == pytest.approx(expected)


def test_seen_texts_are_likelier_than_unseen_ones(ngrams):
    assert ngrams.perplexity(TEXTS) < ngrams.perplexity(["tac eht", "gol on"])
    scores = ngrams.score(TEXTS)
    assert scores.dtype == "float32" and scores.shape == (3,)
    tokens = sum(len(text) + 1 for text in TEXTS)
    assert ngrams.perplexity(TEXTS) == pytest.approx(np.exp(-scores.sum() / tokens))


def test_a_prompt_is_continued_by_every_sampler(ngrams):
    assert ngrams.generate("the d", max_length=3) == "the dog "
    sampler = seq2seq.Sample(seed=1)
    texts = ngrams.generate(["the", ""], max_length=9, sampler=sampler)
    assert texts == ngrams.generate(["the", ""], max_length=9, sampler=sampler)
    assert texts[0].startswith("the")
    beam = seq2seq.BeamSearch(4, num_results=2)
    best, second = ngrams.generate("the", max_length=9, sampler=beam)
    assert best != second and best.startswith("the")


def test_bad_input(ngrams):
    with pytest.raises(ValueError, match="kneser_ney"):
        NGramModel(ngrams.tokenizer, smoothing="good_turing")
    with pytest.raises(ValueError, match="no source"):
        ngrams.generate("a", sampler=seq2seq.Greedy(replace_unknown=True))
    with pytest.raises(ValueError, match="order"):
        NGramModel(ngrams.tokenizer, order=0)
    with pytest.raises(ValueError, match="adapt"):
        NGramModel(seq2seq.CharTokenizer())
    with pytest.raises(ValueError, match="at least one text"):
        NGramModel(ngrams.tokenizer).fit([])
    with pytest.raises(ValueError, match="fit"):
        NGramModel(ngrams.tokenizer).score(["a"])


class TestFiles:
    @pytest.fixture
    def path(self, ngrams, tmp_path):
        ngrams.save(tmp_path / "ngrams.npz")
        return tmp_path / "ngrams.npz"

    @staticmethod
    def craft(path, **changes):
        """Saves the arrays of a file again, some of them changed."""
        arrays = {**np.load(path), **changes}
        np.savez(path, **{name: array for name, array in arrays.items() if array is not None})

    @staticmethod
    def settings(path, **changes):
        settings = {**json.loads(np.load(path)["settings"].tobytes()), **changes}
        return np.frombuffer(json.dumps(settings).encode(), dtype="uint8")

    def test_a_model_comes_back_from_its_file(self, ngrams, path):
        copy = NGramModel.load(path)
        assert copy.order == 4 and copy.tokenizer.vocabulary == ngrams.tokenizer.vocabulary
        unseen = [*TEXTS, "the bat", ""]
        np.testing.assert_array_equal(copy.score(unseen), ngrams.score(unseen))
        for before in ([], [2], [2, 5, 6, 7]):
            expected = ngrams._distribution(before)
            np.testing.assert_array_equal(copy._distribution(before), expected)
        for sampler in ("greedy", seq2seq.Sample(seed=3), "beam"):
            texts = copy.generate(["the", ""], 20, sampler)
            assert texts == ngrams.generate(["the", ""], 20, sampler)
        copy.save(path.with_name("again.npz"))
        assert path.with_name("again.npz").read_bytes() == path.read_bytes()

    def test_a_failure_leaves_the_old_file(self, ngrams, path, monkeypatch):
        old = path.read_bytes()
        with pytest.raises(ValueError, match="fit"):
            NGramModel(ngrams.tokenizer).save(path)

        def disk_full(*_):
            raise OSError("disk full")

        monkeypatch.setattr("os.replace", disk_full)
        with pytest.raises(ValueError, match=r"disk full. The file that was there is kept"):
            ngrams.save(path)
        assert path.read_bytes() == old and list(path.parent.iterdir()) == [path]

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"grams_2": None}, "grams_2"),
            ({"settings": None}, "settings"),
            ({"settings": np.zeros(3)}, "saved with"),
            ({"settings": np.frombuffer(b"[" * 100_000, dtype="uint8")}, "recursion"),
            ({"settings": np.frombuffer(b"[1]", dtype="uint8")}, "settings"),
            ({"grams_1": np.array([["a"]], dtype=object)}, "allow_pickle"),
            ({"grams_1": np.array([[0.5]]), "counts_1": np.array([1])}, "whole numbers"),
            ({"grams_1": np.array([[5, 6]], "int32")}, "whole numbers"),
            ({"counts_3": np.array([1])}, "whole numbers"),
            ({"grams_1": np.array([[9999]], "int32"), "counts_1": np.array([1])}, "outside"),
            ({"grams_1": np.array([[-1]], "int32"), "counts_1": np.array([1])}, "outside"),
            ({"grams_1": np.array([[5]], "int32"), "counts_1": np.array([-1])}, "less than once"),
        ],
    )
    def test_other_arrays_are_refused(self, path, changes, message):
        self.craft(path, **changes)
        with pytest.raises(ValueError, match=rf"ngrams.npz to be an NGramModel .*{message}"):
            NGramModel.load(path)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"order": 10**15}, "grams_5"),
            ({"order": "4"}, "order"),
            ({"order": 0}, "order"),
            ({"tokenizer": None}, "not what `tokenizer.save` writes"),
            ({"tokenizer": {"registered_name": "os>system", "config": {}}}, "'os>system'"),
            (
                {"tokenizer": {"registered_name": "seq2seq>CharTokenizer", "config": {}}},
                "no vocabulary",
            ),
        ],
    )
    def test_other_settings_are_refused(self, path, changes, message):
        self.craft(path, settings=self.settings(path, **changes))
        with pytest.raises(ValueError, match=rf"ngrams.npz to be an NGramModel .*{message}"):
            NGramModel.load(path)

    def test_a_file_takes_no_more_memory_than_it_has_bytes(self, path):
        np.savez_compressed(path, **np.load(path))
        with pytest.raises(ValueError, match="compressed"):
            NGramModel.load(path)
        header = b"{'descr': '<i4', 'fortran_order': False, 'shape': (%d, 1), }" % 2**45
        array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64)
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**members, "grams_1.npy": array}.items():
                archive.writestr(name, content)
        with pytest.raises(ValueError, match="saved with"):
            NGramModel.load(path)

    def test_a_file_that_is_none_is_named(self, path):
        with pytest.raises(ValueError, match=r"none.npz, which does not exist"):
            NGramModel.load(path.with_name("none.npz"))
        path.write_bytes(path.read_bytes()[:500])
        with pytest.raises(ValueError, match="only part of one"):
            NGramModel.load(path)

    def test_load_model_says_what_loads_it(self, path):
        with pytest.raises(ValueError, match=r"NGramModel.load"):
            seq2seq.load_model(path)
