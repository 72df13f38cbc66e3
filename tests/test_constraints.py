"""Options that all samplers share."""

import pytest
from conftest import CHINESE, ENGLISH, learn, make_model

import seq2seq
from seq2seq import BeamSearch, Greedy, Sample

EACH = pytest.mark.parametrize("kind", [Greedy, Sample, BeamSearch])


@pytest.fixture(scope="module")
def attentive():
    """A model with attention that knows the phrases by heart."""
    model = learn(make_model(attention="luong", embedding_dim=32), 60)
    assert model.generate(ENGLISH) == CHINESE
    return model


@EACH
def test_min_length(attentive, kind):
    rows = attentive.encode_pairs(ENGLISH, CHINESE)[0][0]
    results = attentive.generate(rows, sampler=kind(min_length=9), max_length=12)
    assert all(len(row) >= 9 for row in results)


@EACH
def test_banned_tokens(attentive, kind):
    results = attentive.generate(ENGLISH, sampler=kind(banned=["好", "。"]), max_length=8)
    assert not set("好。") & set("".join(results))
    ids = attentive.target_tokenizer.vocabulary.ids(["好", "。"])
    assert attentive.generate(ENGLISH, sampler=kind(banned=ids), max_length=8) == results or (
        kind is Sample
    )


@EACH
def test_a_forced_prefix(attentive, kind):
    results = attentive.generate(ENGLISH, sampler=kind(prefix="晚上"), max_length=8)
    assert all(text.startswith("晚上") for text in results)


def test_the_score_of_a_forced_prefix_is_the_models_own(attentive):
    result = attentive.generate(ENGLISH[0], sampler=Greedy(prefix="晚"), return_details=True)
    own = attentive.score([ENGLISH[0]], [result.text])[0]
    assert result.score == pytest.approx(own, abs=1e-3)
    assert result.score < -1


@EACH
@pytest.mark.parametrize("n", [1, 2])
def test_no_repeated_ngram(attentive, kind, n):
    sampler = kind(no_repeat_ngram=n, min_length=12)
    for row in attentive.generate(
        attentive.encode_pairs(ENGLISH, CHINESE)[0][0], sampler=sampler, max_length=14
    ):
        grams = [tuple(row[i : i + n]) for i in range(len(row) - n + 1)]
        assert len(set(grams)) == len(grams)


def test_an_ngram_longer_than_any_text_costs_nothing(attentive):
    rows = attentive.encode_pairs(ENGLISH, CHINESE)[0][0]
    found = attentive.generate(rows, sampler=Greedy(no_repeat_ngram=2**40), max_length=8)
    assert found == attentive.generate(rows, max_length=8)


def test_the_least_top_p_leaves_the_best_token(attentive):
    sampler = Sample(temperature=9.0, top_p=1e-300)
    assert attentive.generate(ENGLISH, sampler=sampler) == attentive.generate(ENGLISH)


def test_repetitions_become_rarer(attentive):
    def repeated(penalty):
        sampler = Greedy(repetition_penalty=penalty, min_length=14)
        texts = attentive.generate(ENGLISH, sampler=sampler, max_length=15)
        return sum(len(text) - len(set(text)) for text in texts)

    assert repeated(5.0) < repeated(1.0)


@pytest.mark.neutral
def test_unknown_words_are_copied_from_the_source():
    source = seq2seq.WordTokenizer().adapt(["my name is Li", "my name is Wu"])
    target = seq2seq.WordTokenizer(min_frequency=2).adapt(["ich bin Li", "ich bin Wu"])
    model = seq2seq.Seq2Seq(source, target, 16, 32, attention="luong")
    model.optimizer.learning_rate = 0.02
    pairs = ["my name is Li", "my name is Wu"], ["ich bin Li", "ich bin Wu"]
    model.fit(*pairs, epochs=60, verbose=0)
    sampler = Greedy(replace_unknown=True)
    result = model.generate("my name is Li", sampler=sampler, return_details=True)
    assert seq2seq.UNK in result.ids
    assert "[UNK]" not in result.text
    place = result.ids.index(seq2seq.UNK)
    most_attended = int(result.attention[place, :-1].argmax())  # the last one is EOS
    assert result.tokens[place] == result.source_tokens[most_attended]
    assert model.generate("my name is Li", sampler=sampler) == result.text


@pytest.mark.neutral
def test_a_word_that_the_source_vocabulary_lacks_is_copied_as_it_stands():
    names = ["anna", "boris", "carla", "dirk", "elena", "franz"]
    source, target = (
        seq2seq.WordTokenizer(min_frequency=6).adapt([f"{word} {name}" for name in names])
        for word in ("hello", "hallo")
    )
    model = seq2seq.Seq2Seq(source, target, 16, 16, attention="luong")
    model.optimizer.learning_rate = 0.02
    pairs = [f"hello {name}" for name in names], [f"hallo {name}" for name in names]
    model.fit(*pairs, epochs=60, verbose=0)
    sampler = Greedy(replace_unknown=True)
    result = model.generate(["hello Zoë"], sampler=sampler, return_details=True)[0]
    assert result.source_tokens == ["hello", "Zoë", "[EOS]"]
    assert seq2seq.UNK in result.ids and "[UNK]" not in result.text
    assert model.generate("hello Zoë", sampler=sampler) == result.text


@EACH
def test_a_text_ends_where_nothing_else_may_follow(attentive, kind):
    size = attentive.target_vocabulary_size
    rows = attentive.encode_pairs(ENGLISH, CHINESE)[0][0]
    banned = kind(banned=range(4, size), min_length=2)
    assert attentive.generate(rows, sampler=banned, max_length=8) == [[seq2seq.EOS]] * 4
    unrepeated = kind(no_repeat_ngram=1, min_length=size)
    for row in attentive.generate(rows, sampler=unrepeated, max_length=size + 9):
        assert row[-1] == seq2seq.EOS and len(set(row)) == len(row) <= size - 3
        assert not {seq2seq.UNK, seq2seq.BOS} & set(row)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_length": 0}, "min_length"),
        ({"no_repeat_ngram": 0}, "no_repeat_ngram"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"frequency_penalty": "much"}, "frequency_penalty"),
        ({"presence_penalty": float("nan")}, "presence_penalty"),
        ({"banned": "好"}, "list of tokens"),
        ({"banned": [5.5]}, "list of tokens"),
        ({"banned": None}, "list of tokens"),
        ({"prefix": ["早", "上"]}, "one text"),
        ({"prefix": [5.5]}, "one text"),
        ({"prefix": None}, "one text"),
    ],
)
@EACH
def test_bad_options(kind, options, message):
    with pytest.raises(ValueError, match=message):
        kind(**options)


@EACH
def test_unknown_options(kind):
    with pytest.raises(TypeError, match=rf"{kind.__name__}.*'min_len'.*min_length"):
        kind(min_len=2)


def test_the_options_of_a_sampler_are_told_with_its_own():
    with pytest.raises(TypeError, match=r"Its options are width, .*num_results.*, min_length, "):
        seq2seq.BeamSearch(witdh=3)


def test_options_that_do_not_fit_the_call(attentive, model):
    with pytest.raises(ValueError, match="shorter than `max_length`"):
        attentive.generate(ENGLISH, sampler=Greedy(prefix="早上好"), max_length=3)
    with pytest.raises(ValueError, match="min_length"):
        attentive.generate(ENGLISH, sampler=Greedy(min_length=9), max_length=8)
    with pytest.raises(ValueError, match=r"target vocabulary. Received: \['猫'\]"):
        attentive.generate(ENGLISH, sampler=Greedy(banned=["好", "猫"]))
    with pytest.raises(ValueError, match="attention"):
        model.generate(ENGLISH, sampler=Greedy(replace_unknown=True))
