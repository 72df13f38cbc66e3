"""MaskedLanguageModel: what it hides, learns, fills in, and that it is BERT."""

import itertools

import keras
import numpy as np
import pytest

import seq2seq
from seq2seq.data.batching import EpochOrder
from seq2seq.data.masking import Masking, SameOrder, make_masked_pairs, make_masked_windows
from seq2seq.text import BOS, EOS
from seq2seq.text.whole_words import number_words

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a bird sang to the dog"]
DOCUMENTS = [
    ["the cat sat on the mat", "the mat was red", "red was the cat"],
    ["a bird sang", "it sang to the dog"],
]
MASK = 10


def make_model(texts=TEXTS, **options):
    keras.utils.set_random_seed(5)
    tokenizer = seq2seq.WordTokenizer().adapt(texts)
    usual = {"units": 32, "num_layers": 1, "num_heads": 2, "feedforward_units": 64, "dropout": 0.0}
    return seq2seq.MaskedLanguageModel(tokenizer, **{**usual, **options})


@pytest.fixture(scope="module")
def trained():
    """A model that knows the texts by heart; not to be changed."""
    model = make_model()
    model.optimizer.learning_rate = 5e-3
    model.fit(TEXTS * 32, epochs=24, batch_size=32, verbose=0, seed=1)
    return model


def rows_of(dataset):
    """Returns the batches of a dataset as lists of inputs and labels."""
    return [
        ({name: ids.tolist() for name, ids in inputs.items()}, labels)
        for inputs, labels in dataset.as_numpy_iterator()
    ]


def pairs_of(rows, documents, max_length):
    """Returns the pairs of sentences of many epochs, by their class."""
    words, masking = [range(len(row)) for row in rows], Masking(10, MASK, max_length)
    dataset, seen = make_masked_pairs(rows, words, documents, masking, seed=1), {0: set(), 1: set()}
    for inputs, labels in itertools.chain(*(rows_of(dataset) for _ in range(40))):
        columns = *inputs.values(), labels["tokens"].tolist(), labels["next_sentence"].tolist()
        for row, places, tokens, kind in zip(*columns, strict=True):
            row[places[0]] = tokens[0]  # so few tokens that one is hidden
            row = [i for i in row if i]
            middle = row.index(EOS)
            assert row[0] == BOS and row[-1] == EOS
            seen[kind].add((tuple(row[1:middle]), tuple(row[middle + 1 : -1])))
    return seen


@pytest.mark.neutral
class TestMasking:
    def test_a_share_of_the_tokens_is_hidden_in_three_ways(self):
        ids = np.tile(np.arange(4, 10, dtype="int32"), (100, 50))
        ids[:, [0, -1]] = 2, 3
        words = np.broadcast_to(np.arange(300), ids.shape)
        random = [np.random.default_rng(0)] * len(ids)
        hidden, places, labels = Masking(10, MASK, 300).hide(ids, words, random)
        assert ((labels > 0).sum(axis=1) == 45).all()  # 15 % of 298
        places, labels = places[:, :45], labels[:, :45]
        assert (labels == np.take_along_axis(ids, places, axis=1)).all() and labels.min() > EOS
        there = np.take_along_axis(hidden, places, axis=1)
        assert np.mean(there == MASK) == pytest.approx(0.8, abs=0.02)
        # One in six of the other tokens is by chance the one that was there.
        assert np.mean(there == labels) == pytest.approx(0.1 + 0.1 / 6, abs=0.02)
        np.put_along_axis(hidden, places, labels, axis=1)
        assert (hidden == ids).all()

    def test_at_least_one_token_is_hidden_but_none_that_is_special(self):
        ids = np.array([[2, 4, 3, 0], [2, 1, 1, 3]], "int32")
        words = np.zeros_like(ids)
        _, places, labels = Masking(10, MASK, 9).hide(ids, words, [np.random.default_rng(0)] * 2)
        assert places[0, 0] == 1 and labels[0, 0] == 4
        assert not labels[1].any()

    def test_the_tokens_of_a_word_are_hidden_together(self):
        words = number_words([["北", "京", "大", "学", "play", "##ing", "[UNK]", "x"]])
        assert words == [[0, 0, 0, 0, 1, 1, 2, 3]]
        ids = np.array([[2, 4, 5, 6, 7, 8, 9, 1, 4, 3]] * 200, "int32")
        numbers = np.array([[0, *(n + 1 for n in words[0]), 0]] * 200)
        _, places, labels = Masking(10, MASK, 10).hide(
            ids, numbers, [np.random.default_rng(0)] * len(ids)
        )
        found = {tuple(at[real > 0]) for at, real in zip(places, labels, strict=True)}
        assert found == {(1, 2, 3, 4), (5, 6), (8,)}

    def test_long_rows_are_cut_into_windows(self):
        rows, masking = [[4, 5, 6, 7, 8, 9], [4]], Masking(10, MASK, 6)
        dataset = make_masked_windows(rows, [range(6), range(1)], masking, seed=SameOrder(0))
        ((inputs, labels),) = rows_of(dataset)
        for row, places, tokens in zip(*inputs.values(), labels.tolist(), strict=True):
            row[places[0]] = tokens[0]
        assert [[i for i in row if i] for row in inputs["token_ids"]] == [
            [2, 4, 3],
            [2, 8, 9, 3],
            [2, 4, 5, 6, 7, 3],
        ]

    def test_each_epoch_hides_other_tokens_of_its_own(self):
        def epochs(order):
            rows = [[4, 5, 6, 7, 8, 9]] * 8
            masking = Masking(10, MASK, 9)
            dataset = make_masked_windows(rows, [range(6)] * 8, masking, seed=order)
            return [rows_of(dataset)[0][0]["places"] for _ in range(2)]

        first, second = epochs(EpochOrder(1))
        assert first != second
        assert epochs(EpochOrder(1)) == [first, second]
        same, again = epochs(SameOrder(1))
        assert same == again

    def test_pairs_of_sentences(self):
        rows = [[4, 5], [6, 7], [], [8, 9], [5], [7]]
        seen = pairs_of(rows, [0, 0, 0, 0, 1, 1], max_length=20)
        assert seen[0] == {((4, 5), (6, 7)), ((6, 7), (8, 9)), ((5,), (7,))}
        assert seen[1] == {
            *((first, second) for first in [(4, 5), (6, 7)] for second in [(5,), (7,)]),
            *(((5,), second) for second in [(4, 5), (6, 7), (8, 9)]),
        }

    def test_a_pair_that_is_too_long_loses_what_is_far_from_its_middle(self):
        seen = pairs_of([[4, 5, 6, 7, 8], [4, 5, 6, 7, 8], [9]], [0, 0, 1], max_length=8)
        assert seen == {0: {((7, 8), (4, 5, 6))}, 1: {((5, 6, 7, 8), (9,))}}

    def test_pairs_need_two_documents(self):
        for documents in ([0, 0], [0, 1]):
            with pytest.raises(ValueError, match="at least two documents"):
                pairs_of([[4], [5]], documents, max_length=8)


BERTS = {
    "as BERT": {},
    "deeper": {"num_layers": 3, "num_heads": 4, "feedforward_units": 48},
    "relu": {"activation": "relu", "norm_epsilon": 1e-5, "max_length": 40},
}


def bert_weights(bert, layers: int) -> dict[str, list[np.ndarray]]:
    """Returns the weights of a `transformers.BertForPreTraining` by the names of our layers."""
    state = {name: value.detach().numpy() for name, value in bert.state_dict().items()}

    def dense(name):
        return [state[f"{name}.weight"].T, state[f"{name}.bias"]]

    def norm(name):
        return [state[f"{name}.weight"], state[f"{name}.bias"]]

    tokens = "cls.predictions"
    weights = {
        "embedding": [
            state["bert.embeddings.word_embeddings.weight"],
            state[f"{tokens}.bias"],
        ],
        "positions": [state["bert.embeddings.position_embeddings.weight"]],
        "segments": [state["bert.embeddings.token_type_embeddings.weight"]],
        "embedding_norm": norm("bert.embeddings.LayerNorm"),
        "token_dense": dense(f"{tokens}.transform.dense"),
        "token_norm": norm(f"{tokens}.transform.LayerNorm"),
        "pooler": dense("bert.pooler.dense"),
        "next_sentence_scores": dense("cls.seq_relationship"),
    }
    for i in range(layers):
        block = f"bert.encoder.layer.{i}"
        weights[f"encoder_block_{i + 1}"] = [
            weight
            for part in (
                *(dense(f"{block}.attention.self.{name}") for name in ("query", "key", "value")),
                dense(f"{block}.attention.output.dense"),
                norm(f"{block}.attention.output.LayerNorm"),
                dense(f"{block}.intermediate.dense"),
                dense(f"{block}.output.dense"),
                norm(f"{block}.output.LayerNorm"),
            )
            for weight in part
        ]
    return weights


@pytest.mark.parametrize("options", BERTS.values(), ids=BERTS)
def test_it_is_bert(options):
    transformers = pytest.importorskip("transformers")
    torch = pytest.importorskip("torch")
    letters = list("abcdefghij")
    tokenizer = seq2seq.WordTokenizer(vocabulary=[*letters, "[MASK]"])
    usual = {"units": 32, "num_layers": 2, "num_heads": 2, "feedforward_units": 64}
    model = seq2seq.MaskedLanguageModel(tokenizer, **{**usual, **options}, precision="float32")
    assert model.mask_id == 14 and model.vocabulary_size == 15
    torch.manual_seed(0)
    bert = transformers.BertForPreTraining(
        transformers.BertConfig(
            vocab_size=15,
            hidden_size=model.units,
            num_hidden_layers=model.num_layers,
            num_attention_heads=model.num_heads,
            intermediate_size=model.feedforward_units,
            hidden_act=model.activation,
            max_position_embeddings=model.max_length,
            layer_norm_eps=model.norm_epsilon,
            initializer_range=0.3,  # so that everything matters
        )
    ).eval()
    for name, weights in bert_weights(bert, model.num_layers).items():
        layer = model.get_layer(name)
        assert [w.shape for w in layer.get_weights()] == [w.shape for w in weights]
        layer.set_weights(weights)

    token_ids = np.array([[2, 4, 14, 6, 3, 7, 8, 3], [2, 9, 10, 3, 0, 0, 0, 0]], "int32")
    segments = np.array([[0, 0, 0, 0, 0, 1, 1, 1], [0] * 8])
    with torch.no_grad():
        theirs = bert(
            input_ids=torch.tensor(token_ids, dtype=torch.long),
            attention_mask=torch.tensor(token_ids != 0),
            token_type_ids=torch.tensor(segments),
        )
    outputs, mask = model.read_tokens(token_ids)
    real = np.asarray(mask)
    ours = np.asarray(model.network.score_tokens(outputs))
    np.testing.assert_allclose(ours[real], theirs.prediction_logits.numpy()[real], atol=1e-4)
    ours = np.asarray(model.network.score_next(outputs))
    np.testing.assert_allclose(ours, theirs.seq_relationship_logits.numpy(), atol=1e-4)


class TestFit:
    def test_texts_are_learned(self):
        model = make_model(norm_first=True, positions="rotary")
        model.optimizer.learning_rate = 3e-3
        data = {"batch_size": 32, "validation_data": TEXTS, "seed": 1}
        history = model.fit(TEXTS * 32, epochs=12, verbose=0, **data).history
        assert history["val_loss"][-1] < 2.2 < 2.4 < history["val_loss"][0]
        assert not any("next_sentence" in name for name in history)
        assert history["loss"] == history["tokens_loss"]

    def test_documents_teach_what_comes_next(self):
        model = make_model([*DOCUMENTS[0], *DOCUMENTS[1]])
        model.optimizer.learning_rate = 3e-3
        history = model.fit(DOCUMENTS * 16, batch_tokens=600, epochs=20, verbose=0, seed=1).history
        assert history["next_sentence_loss"][-1] < 0.6 < 0.62 < history["next_sentence_loss"][0]
        figures = model.evaluate(DOCUMENTS, verbose=0, return_dict=True)
        parts = figures["tokens_loss"] + figures["next_sentence_loss"]
        assert figures["loss"] == pytest.approx(parts, rel=1e-5)
        assert model.manifest["data"]["documents"] == 32

    def test_what_a_batch_has_labels_for_is_shown(self):
        model = make_model([*DOCUMENTS[0], *DOCUMENTS[1]])
        x, y = model.encode_rows(DOCUMENTS * 2)
        assert "next_sentence_accuracy" in model.test_on_batch(x, y, return_dict=True)

    def test_without_documents_the_second_head_learns_nothing(self, trained):
        before, after = make_model(), trained

        def has_learned(name):
            weights = (model.get_layer(name).get_weights() for model in (before, after))
            return not all(map(np.array_equal, *weights))

        assert has_learned("token_dense") and not has_learned("pooler")

    def test_documents_texts_and_documents_again(self):
        model = make_model([*DOCUMENTS[0], *DOCUMENTS[1]])
        for data, shown in ((DOCUMENTS, True), (TEXTS, False), (DOCUMENTS, True)):
            history = model.fit(data, epochs=2, verbose=0, validation_data=data).history
            assert ("next_sentence_loss" in history) == shown
            assert ("val_next_sentence_accuracy" in history) == shown
            evaluated = model.evaluate(data, verbose=0, return_dict=True)
            assert ("next_sentence_loss" in evaluated) == shown

    @pytest.mark.neutral
    @pytest.mark.usefixtures("untraced")
    def test_validation_hides_the_same_tokens_in_every_epoch(self):
        model = make_model()
        model.optimizer.learning_rate = 1e-9
        history = model.fit(TEXTS, epochs=3, verbose=0, validation_data=TEXTS, seed=3).history
        assert history["val_loss"] == pytest.approx(history["val_loss"][:1] * 3, rel=1e-5)
        assert history["loss"][1] != pytest.approx(history["loss"][0], rel=1e-3)
        assert model.evaluate(TEXTS, verbose=0)[0] == pytest.approx(history["val_loss"][0], 1e-5)

    @pytest.mark.parametrize("data", [TEXTS, DOCUMENTS], ids=["texts", "documents"])
    @pytest.mark.usefixtures("untraced")
    def test_the_same_seed_gives_the_same_weights_also_after_a_stop(self, data):
        whole, stopped = make_model(dropout=0.1), make_model(dropout=0.1)
        whole.fit(data, epochs=2, verbose=0, seed=4)
        stopped.fit(data, epochs=1, verbose=0, seed=4)
        stopped.fit(data, epochs=2, initial_epoch=1, verbose=0, seed=4)
        assert all(map(np.array_equal, whole.get_weights(), stopped.get_weights()))

    @pytest.mark.neutral
    @pytest.mark.usefixtures("untraced")
    def test_tables_rows_of_ids_and_arrays(self):
        pandas = pytest.importorskip("pandas")
        model = make_model()
        rows = [[*model.tokenizer.encode(text), EOS] for text in TEXTS]
        arrays = model.encode_rows(TEXTS)
        losses = []
        for data in ((TEXTS,), (rows,), (pandas.DataFrame({"text": TEXTS}),), arrays):
            losses.append(model.evaluate(*data, verbose=0)[0])
        for data in ((rows,), arrays):
            model.fit(*data, verbose=0)
        assert losses == pytest.approx(losses[:1] * 4, rel=1e-5)
        history = model.fit(TEXTS, validation_split=0.4, verbose=0)
        assert "val_tokens_perplexity" in history.history

    @pytest.mark.neutral
    @pytest.mark.usefixtures("untraced")
    def test_whole_words_of_jieba(self):
        texts = ["我喜欢北京大学", "北京大学在北京"]
        tokenizer = seq2seq.CharTokenizer().adapt(texts)
        model = seq2seq.MaskedLanguageModel(tokenizer, 16, 1, 2, 16, whole_words=True)
        (_, places), _ = model.encode_rows(["我喜欢北京大学"] * 50)
        assert {tuple(row[row > 0]) for row in places} == {(1,), (2, 3), (4, 5, 6, 7)}
        assert np.isfinite(model.fit(texts, verbose=0).history["loss"]).all()


class TestFill:
    def test_the_likely_tokens_of_each_mask(self, trained):
        ((first, second),) = trained.fill("a bird [MASK] to the dog", num_results=2)
        assert first.token == "sang" and first.text == TEXTS[2]
        assert 1 >= first.probability > 0.5 > second.probability > 0
        one, two = trained.fill("a [MASK] sang [MASK] the dog")
        assert len(one) == len(two) == 5
        assert one[0].text == f"a {one[0].token} sang [MASK] the dog"
        assert two[4].text == f"a [MASK] sang {two[4].token} the dog"

    def test_a_list_and_a_text_alone(self, trained):
        texts = ["the cat [MASK] on the mat", "a bird sang to the [MASK]", "[MASK]"]
        together = trained.fill(texts)
        assert [places[0][0].token for places in together[:2]] == ["sat", "dog"]
        for text, places in zip(texts, together, strict=True):
            (alone,) = trained.fill(text)
            assert [result.token for result in alone] == [result.token for result in places[0]]
            assert alone[0].probability == pytest.approx(places[0][0].probability, abs=1e-5)
        assert trained.fill([]) == []

    def test_it_is_the_probability_that_was_trained(self, trained):
        ((best, *_),) = trained.fill("the cat [MASK] on the mat")
        row = [[BOS, *trained.tokenizer.encode("the cat"), trained.mask_id]]
        row[0] += [*trained.tokenizer.encode("on the mat"), EOS]
        outputs = trained.predict([np.array(row), np.array([[3]])], verbose=0)
        (sat,) = trained.tokenizer.encode("sat")
        assert outputs["tokens"][0, 0, sat] == pytest.approx(best.probability, abs=1e-5)
        assert outputs["tokens"].shape == (1, 1, trained.vocabulary_size)
        assert outputs["next_sentence"].sum() == pytest.approx(1)

    def test_spaces_that_are_tokens_are_kept(self):
        tokenizer = seq2seq.CharTokenizer().adapt(["ab cd"])
        model = seq2seq.MaskedLanguageModel(tokenizer, 16, 1, 2, 16)
        ids = tokenizer.encode("ab cd")
        row = model._masked_row(" ab  [MASK]d ")
        assert row == [BOS, *ids[:3], model.mask_id, ids[4], EOS]
        assert model._masked_row("[MASK] [MASK]")[2] == tokenizer.encode("a b")[1]

    @pytest.mark.parametrize("kind", ["SubwordTokenizer", "ByteLevelTokenizer"])
    @pytest.mark.neutral
    def test_beside_a_mask_a_text_is_split_as_in_training(self, kind):
        texts = ["the cat sat on the mat", "the cat is on the mat"] * 9
        tokenizer = getattr(seq2seq, kind)(max_tokens=300).adapt(texts)
        model = seq2seq.MaskedLanguageModel(tokenizer, 16, 1, 2, 16)
        ids = tokenizer.encode("the cat sat on")
        assert len(ids) == 4
        row = model._masked_row("the [MASK] sat on")
        assert row == [BOS, ids[0], model.mask_id, *ids[2:], EOS]
        row = model._masked_row("the [MASK] [MASK] on")
        assert row == [BOS, ids[0], model.mask_id, model.mask_id, ids[3], EOS]
        (token,) = tokenizer.vocabulary.tokens([ids[1]])
        assert model._written(token) == "cat"

    def test_lines_without_a_mask_stay(self, trained):
        with pytest.warns(UserWarning, match="stay as they are: 1, the first 'the cat'"):
            lines = trained.respond(["", "the cat [MASK] on the mat", "the cat"])
        assert [line for line, _ in lines] == ["", TEXTS[0], "the cat"]
        assert [len(record["fills"]) for _, record in lines] == [0, 1, 0]

    @pytest.mark.usefixtures("untraced")
    def test_a_text_as_long_as_the_positions(self):
        model = make_model(max_length=10)  # under JAX, rows are padded to 12
        assert 0 < model.fill("[MASK]" + " the" * 7)[0][0].probability < 1
        assert np.isfinite(model.fit(["the " * 8], verbose=0).history["loss"]).all()
        with pytest.raises(ValueError, match="at most 8 tokens"):
            model.fill("[MASK]" + " the" * 8)

    @pytest.mark.neutral
    def test_the_command_line_fills_every_mask(self, trained):
        (line, _), (other, record) = trained.respond(
            ["a bird [MASK] to the dog", "a [MASK] sang [MASK] the dog"]
        )
        assert line == TEXTS[2]
        first, second = (place[0]["token"] for place in record["fills"])
        assert other == f"a {first} sang {second} the dog"

    def test_what_cannot_be_filled_in(self, trained):
        with pytest.raises(ValueError, match=r"with \[MASK\] in the place of a token"):
            trained.fill(["the cat", "the [MASK]"])
        with pytest.raises(ValueError, match=r"Received: \[4, 5\]"):
            trained.fill([4, 5])
        with pytest.raises(ValueError, match=r"at most 126 tokens.*one of 201"):
            trained.fill("[MASK]" + " the" * 200)
        with pytest.raises(ValueError, match="`num_results`"):
            trained.fill("[MASK]", num_results=0)
        with pytest.raises(ValueError, match="model with tokenizers"):
            seq2seq.MaskedLanguageModel(9, 16, 1, 2, 16).fill("[MASK]")


class TestKerasModel:
    def test_a_file_gives_the_same_results(self, trained, tmp_path):
        trained.save(tmp_path / "m.keras")
        loaded = seq2seq.load_model(tmp_path / "m.keras")
        assert type(loaded) is seq2seq.MaskedLanguageModel and loaded.options == trained.options
        assert loaded.fill("the [MASK] sat") == trained.fill("the [MASK] sat")
        np.testing.assert_allclose(
            loaded.evaluate(TEXTS, verbose=0), trained.evaluate(TEXTS, verbose=0), rtol=1e-5
        )
        clone = keras.models.clone_model(trained)
        assert type(clone) is seq2seq.MaskedLanguageModel and clone.mask_id == trained.mask_id

    def test_vectors_of_texts(self, trained):
        vectors = seq2seq.encode_texts(trained, ["the cat", TEXTS[2]])
        alone = seq2seq.encode_texts(trained, ["the cat"])
        assert vectors.shape == (2, 32)
        assert vectors[0] == pytest.approx(alone[0], abs=1e-5)
        with pytest.raises(ValueError, match="at most 126 tokens"):
            seq2seq.encode_texts(trained, ["the " * 200])

    def test_a_mask_of_its_own_is_never_predicted(self):
        model = make_model()
        size = model.vocabulary_size
        assert model.mask_id == size == len(model.tokenizer.vocabulary)
        assert model.get_layer("embedding").embeddings.shape == (size + 1, 32)
        assert model.output["tokens"].shape == (None, None, size)

    @pytest.mark.neutral
    @pytest.mark.usefixtures("untraced")
    def test_its_report_counts_each_hidden_token_alike(self, trained):
        texts = TEXTS + [f"{text} {text}" for text in TEXTS]
        report = seq2seq.evaluation.evaluate_model(trained, texts, batch_size=2)
        assert list(report) == ["loss", "perplexity", "accuracy", "coverage"]
        assert report["loss"] == pytest.approx(np.log(report["perplexity"]))
        at_once = seq2seq.evaluation.evaluate_model(trained, texts, batch_size=64)
        assert report == pytest.approx(at_once, rel=1e-4)
        inputs, labels = trained.encode_rows(texts)
        arrays = trained.evaluate(inputs, labels, verbose=0, return_dict=True)
        assert arrays["tokens_perplexity"] == pytest.approx(report["perplexity"], rel=1e-4)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"units": 30, "num_heads": 4}, "multiple of twice `num_heads`"),
            ({"norm_epsilon": 0}, "`norm_epsilon`"),
            ({"whole_words": 1}, "`whole_words`"),
            ({"max_length": 4}, "`max_length`"),
            ({"feedforward_units": 2**40}, "numbers"),
        ],
    )
    def test_bad_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            make_model(**options)

    def test_bad_data(self):
        model = make_model(max_length=16)
        token_ids, places = np.full((2, 5), 4), np.zeros((2, 1), int)
        for data, message in (
            ((TEXTS, TEXTS), "texts alone"),
            (([["a bird", "sang"]],), "at least two documents"),
            (([["a bird", None], ["the dog"]],), "in place 1: None"),
            ((["", ""],), "at least one token"),
            ((["zzz", "qqq www"],), "of the vocabulary"),
            (([[4, 99]],), "ids from 1 to"),
            ((token_ids, places), r"\[token_ids, places\]"),
            (([token_ids, places + 5], places), "places from 0 to 4"),
            (([token_ids, places], places + 99), "labels from 0 to"),
            (([token_ids, places], {"tokens": places}), "dicts of token_ids, places and of tokens"),
            (([token_ids, places], {"tokens": places, "next_sentence": [2, 0]}), "from 0 to 1"),
            (([token_ids, places], places[:1]), "labels of the shape of places"),
            (([np.full((2, 17), 4), places], places), "at most 16 columns"),
        ):
            with pytest.raises(ValueError, match=message):
                model.fit(*data, verbose=0)
        with pytest.raises(ValueError, match="no `sample_weight`"):
            model.fit([token_ids, places], places, sample_weight=np.ones(2), verbose=0)
        with pytest.raises(ValueError, match="no `sample_weight` for a MaskedLanguageModel"):
            model.fit(TEXTS, sample_weight=np.ones(len(TEXTS)), verbose=0)
        with pytest.raises(ValueError, match="whole_words=True"):
            seq2seq.MaskedLanguageModel(9, whole_words=True)


def test_weights_that_are_no_numbers_are_told():
    model = make_model()
    model.set_weights([weight * np.nan for weight in model.get_weights()])
    with pytest.raises(ValueError, match="weights are NaN"):
        model.fill("the cat [MASK] on the mat")
