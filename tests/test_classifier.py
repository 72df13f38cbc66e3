"""TextClassifier: what it learns, labels and measures, and what it says of bad input."""

import keras
import numpy as np
import pytest
from conftest import fewer_on_jax

import seq2seq
from seq2seq.data.class_labels import ClassLabels
from seq2seq.evaluation import cross_validate, evaluate_model
from seq2seq.tasks.classification_report import classification_report

GOOD = ["很好", "不错，很好", "房间很干净", "服务很热情", "早餐好吃", "下次还来"]
BAD = ["差", "太差了", "房间很脏", "服务冷淡", "早餐难吃", "不会再来"]
TEXTS, LABELS = GOOD + BAD, ["good"] * len(GOOD) + ["bad"] * len(BAD)


def make_model(labels=("bad", "good"), **options):
    keras.utils.set_random_seed(3)
    tokenizer = seq2seq.CharTokenizer().adapt(TEXTS)
    usual = {"embedding_dim": 16, "units": 16, "pair_buckets": 100}
    return seq2seq.TextClassifier(tokenizer, labels, **{**usual, **options})


@pytest.fixture(scope="module")
def trained():
    """A model that knows the texts by heart; not to be changed."""
    model = make_model()
    model.optimizer.learning_rate = 0.01
    model.fit(TEXTS, LABELS, epochs=40, batch_size=4, verbose=0, seed=1)
    return model


class TestClassify:
    def test_what_was_learned(self, trained):
        label, probability = trained.classify("很好！")
        assert label == "good" and 0.5 < probability <= 1
        assert [result.label for result in trained.classify(TEXTS)] == LABELS

    def test_the_most_probable_labels(self, trained):
        first, second = trained.classify("很好", top_k=2)
        assert (first.label, second.label) == ("good", "bad")
        assert first.probability + second.probability == pytest.approx(1)
        assert len(trained.classify(TEXTS, top_k=1)[0]) == 1

    def test_probabilities_in_the_order_of_the_labels(self, trained):
        probabilities = trained.predict_proba(TEXTS)
        assert probabilities.shape == (len(TEXTS), 2) and probabilities.dtype == np.float32
        assert [trained.labels[i] for i in probabilities.argmax(axis=1)] == LABELS
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        first, _ = trained.classify(TEXTS[0], top_k=2)
        assert trained.predict_proba(TEXTS[0])[0].max() == pytest.approx(first.probability)
        assert trained.predict_proba([]).shape == (0, 2)

    def test_a_row_alone_and_among_longer_ones(self, trained):
        alone = [trained.classify(text).probability for text in TEXTS]
        together = [result.probability for result in trained.classify([*TEXTS, "好" * 50])]
        assert together[:-1] == pytest.approx(alone, abs=1e-5)

    def test_ids(self, trained):
        rows = [[*trained.tokenizer.encode(text), seq2seq.EOS] for text in TEXTS]
        assert trained.classify(rows) == trained.classify(TEXTS)
        assert trained.classify(rows[0]) == trained.classify(TEXTS[0])

    def test_of_a_long_text_the_middle_is_left_out(self):
        model = make_model(max_length=7)
        (row,) = model.make_rows(["不错很好房间早餐"])
        assert model.tokenizer.decode(row[:3]) == "不错很"
        assert model.tokenizer.decode(row[3:]) == "间早餐"

    def test_nothing_and_the_unknown(self, trained):
        assert trained.classify([]) == []
        assert trained.classify("").label in ("good", "bad")
        assert trained.classify("zzz").label in ("good", "bad")


def test_the_penalty_is_on_all_kernels():
    assert make_model(l2=0.1).network.output.kernel_regularizer is not None
    assert make_model().network.output.kernel_regularizer is None


class TestFit:
    @pytest.mark.parametrize(
        "options",
        fewer_on_jax([{"cell": "gru", "num_layers": 2}, {"pair_buckets": 0}], {"pair_buckets": 0}),
    )
    def test_other_shapes_learn_too(self, options):
        model = make_model(bidirectional=False, dropout=0.1, label_smoothing=0.1, **options)
        model.optimizer.learning_rate = 0.02
        history = model.fit(TEXTS, LABELS, epochs=20, verbose=0, validation_data=(TEXTS, LABELS))
        assert history.history["val_accuracy"][-1] == 1

    def test_arrays_and_texts_are_one(self, trained):
        token_ids, classes = trained.encode_rows(TEXTS, LABELS)
        loss, accuracy = trained.evaluate(token_ids, classes, verbose=0)
        assert trained.evaluate({"token_ids": token_ids}, classes, verbose=0) == [loss, accuracy]
        report = trained.evaluate(TEXTS, LABELS)
        assert loss == pytest.approx(report["loss"], abs=1e-5)
        assert accuracy == report["accuracy"] == 1
        assert np.allclose(trained.predict(token_ids, verbose=0).sum(axis=1), 1)

    @pytest.mark.filterwarnings("ignore:The learning rate is 0")
    @pytest.mark.usefixtures("untraced")
    def test_class_weights(self):
        texts, labels = [*TEXTS, *BAD * 4], [*LABELS, *["bad"] * 4 * len(BAD)]
        model, losses = make_model(dropout=0.0), []
        model.optimizer.learning_rate = 0  # a training that changes nothing
        token_ids, classes = model.encode_rows(texts, labels)
        for x, y, weights in (
            (texts, labels, "balanced"),
            (texts, labels, {"good": 36 / (2 * 6), "bad": 36 / (2 * 30)}),
            (token_ids, classes, {1: 3.0, 0: 0.6}),
            (texts, labels, None),
        ):
            history = model.fit(x, y, batch_size=36, verbose=0, class_weight=weights)
            losses.append(history.history["loss"][0])
        assert losses[:3] == pytest.approx([losses[0]] * 3, rel=1e-5)
        assert losses[3] != pytest.approx(losses[0], rel=1e-3)

    @pytest.mark.neutral
    @pytest.mark.usefixtures("untraced")
    def test_a_class_left_out_weighs_one(self):
        numbers = ClassLabels(["a", "b", "c"])
        assert numbers.class_weight({"b": 2}, None, True) == {0: 1, 1: 2, 2: 1}
        assert numbers.class_weight({2: 0.5}, None, False) == {0: 1, 1: 1, 2: 0.5}
        make_model().fit(TEXTS, LABELS, class_weight={"bad": 2}, verbose=0)

    @pytest.mark.neutral
    @pytest.mark.usefixtures("untraced")
    def test_a_validation_split_is_made_first(self):
        texts, labels = TEXTS[::-1], LABELS[::-1]  # sorted by label
        with pytest.raises(ValueError, match="shuffle"):
            make_model().fit(texts, labels, validation_split=0.5)
        history = make_model().fit(texts, labels, validation_split=0.25, verbose=0)
        assert "val_accuracy" in history.history

    @pytest.mark.usefixtures("untraced")
    def test_the_same_seed_gives_the_same_weights(self):
        weights = []
        for _ in range(2):
            model = make_model()
            model.fit(TEXTS, LABELS, epochs=2, verbose=0, seed=4)
            weights.append(model.get_weights())
        assert all(map(np.array_equal, *weights))

    @pytest.mark.neutral
    @pytest.mark.usefixtures("untraced")
    def test_labels_may_be_numbers(self):
        model = make_model(labels=2)
        model.fit(TEXTS, np.array([1] * 6 + [0] * 6), verbose=0)
        assert model.labels == [0, 1]
        assert model.classify(TEXTS[0]).label in (0, 1)


class TestReport:
    def test_it_agrees_with_scikit_learn(self):
        from sklearn import metrics

        generator = np.random.default_rng(0)
        true, predicted = generator.integers(0, 3, (2, 50))
        report = classification_report(true, predicted, ["a", "b", "c", "never"])
        assert report["accuracy"] == metrics.accuracy_score(true, predicted)
        assert report["macro_f1"] == pytest.approx(
            metrics.f1_score(true, predicted, average="macro")
        )
        assert report["classes"]["b"]["precision"] == pytest.approx(
            metrics.precision_score(true, predicted, average=None)[1]
        )
        assert report["classes"]["c"]["recall"] == pytest.approx(
            metrics.recall_score(true, predicted, average=None)[2]
        )
        assert (
            report["confusion_matrix"][:3, :3] == metrics.confusion_matrix(true, predicted)
        ).all()
        assert report["classes"]["never"] == {"precision": 0, "recall": 0, "f1": 0, "texts": 0}

    def test_evaluate(self, trained):
        report = trained.evaluate(TEXTS[:7], [*LABELS[:6], "good"])
        assert report["confusion_matrix"].tolist() == [[0, 0], [1, 6]]
        assert report["classes"]["good"]["recall"] == pytest.approx(6 / 7)
        assert "good" in str(report) and "0.857" in str(report)
        everything = evaluate_model(trained, TEXTS, LABELS)
        assert everything["macro_f1"] == 1 and everything["coverage"] == 1
        assert evaluate_model(trained, TEXTS, LABELS, ["accuracy"]) == {"accuracy": 1}

    def test_texts_of_one_label_are_measured(self, trained):
        report = trained.evaluate(GOOD, ["good"] * len(GOOD))
        assert report["accuracy"] == report["macro_f1"] == 1

    @pytest.mark.neutral
    @pytest.mark.usefixtures("untraced")
    def test_cross_validation(self, trained):
        adapted = []

        def make(texts):
            adapted.append(texts)
            return make_model(bidirectional=False, pair_buckets=0)

        result = cross_validate(make, TEXTS, LABELS, folds=2, epochs=1, verbose=0)
        assert len(result["folds"]) == 2
        assert all(
            fold["confusion_matrix"].sum(axis=1).tolist() == [3, 3] for fold in result["folds"]
        )
        assert result["accuracy"] == pytest.approx(
            np.mean([fold["accuracy"] for fold in result["folds"]])
        )
        assert all(len(texts) == 6 for texts in adapted)
        for arguments, words in (
            ((make, TEXTS, LABELS, 7), "fewer folds"),
            ((make, TEXTS, LABELS[1:]), "a label for each"),
            ((make, GOOD, ["good"] * 6), "two labels"),
            ((make_model(), TEXTS, LABELS), "a function"),
            ((lambda texts: None, TEXTS, LABELS), "a new TextClassifier"),
            ((lambda texts: trained, TEXTS, LABELS), "trained before"),
        ):
            with pytest.raises(ValueError, match=words):
                cross_validate(*arguments)

    def test_what_is_no_classification(self):
        for pair in (([0], [0, 1]), ([-1], [0]), ([0], [2]), ([], []), (["a"], ["a"])):
            with pytest.raises(ValueError, match="from 0 to 1"):
                classification_report(*pair, ["a", "b"])


class TestFile:
    @pytest.mark.usefixtures("untraced")
    def test_it_trains_on(self, trained, tmp_path):
        trained.save(tmp_path / "m.keras")
        copy = keras.saving.load_model(tmp_path / "m.keras")
        assert copy.labels == ["bad", "good"] and copy.manifest["data"]["pairs"] == len(TEXTS)
        copy.fit(TEXTS, LABELS, verbose=0)


class TestBadInput:
    @pytest.mark.parametrize(
        ("labels", "words"),
        [
            (["good"], "at least two"),
            (1, "at least two"),
            (LABELS, "sorted"),
            ("good", "a list"),
            ([1.5, 2.5], "str or int"),
        ],
    )
    def test_labels(self, labels, words):
        with pytest.raises(ValueError, match=words):
            make_model(labels=labels)

    @pytest.mark.parametrize(
        ("labels", "given", "words"),
        [
            ([1, 0], ["1"], r"'1' \(str\) where the model has 1 \(int\)\. Use int\(label\)"),
            (["1", "0"], [1], r"1 \(int\) where the model has '1' \(str\)\. Use str\(label\)"),
            ([True, False], ["True"], r"True \(bool\)\. Use label == 'True'"),
            ([1, 0], [1.0], r"place 0: 1\.0 of type float.*int\(label\)"),
            (["a", "b"], [float("nan")], "place 0: nan of type float. Leave"),
        ],
    )
    def test_labels_of_another_type_are_told_apart(self, labels, given, words):
        with pytest.raises(ValueError, match=words):
            ClassLabels(labels).of(["好"], given)

    def test_labels_that_are_written_alike_are_warned_of(self):
        with pytest.warns(UserWarning, match="not of one type: 1, '1'"):
            ClassLabels([1, "1"])

    def test_labels_of_numpy_and_pandas(self):
        assert ClassLabels(np.array([5, 7])).of(["a", "b"], np.array([7, 5])) == [1, 0]
        assert ClassLabels(np.array([False, True])).of(["好"], np.array([True])) == [1]
        pandas = pytest.importorskip("pandas")
        column = pandas.Series(["no", "yes", "no"], dtype="category")
        assert ClassLabels(column.cat.categories).of(["a", "b", "c"], column) == [0, 1, 0]

    def test_a_tokenizer_never_adapted(self):
        with pytest.raises(ValueError, match="never"):
            seq2seq.TextClassifier(seq2seq.CharTokenizer(), 2)

    def test_options(self):
        for options in ({"units": 5}, {"dropout": 1.0}, {"pair_buckets": -1}, {"max_length": 2}):
            with pytest.raises(ValueError, match=next(iter(options))):
                make_model(**options)

    def test_texts_and_labels(self, trained):
        model = make_model()
        for call in (model.fit, model.evaluate):
            with pytest.raises(ValueError, match="'great'"):
                call(TEXTS, ["great", *LABELS[1:]])
            with pytest.raises(ValueError, match="a label for each of 12"):
                call(TEXTS, LABELS[1:])
            with pytest.raises(ValueError, match="a label for each"):
                call(TEXTS)
        with pytest.raises(ValueError, match="at least two labels"):
            model.fit(GOOD, ["good"] * len(GOOD))
        with pytest.raises(ValueError, match="sample_weight"):
            model.fit(TEXTS, LABELS, sample_weight=np.ones(12))
        with pytest.raises(ValueError, match=r"with texts\. Received: steps="):
            model.evaluate(TEXTS, LABELS, steps=1)
        with pytest.raises(ValueError, match="'great'"):
            model.fit(TEXTS, LABELS, class_weight={"great": 2})
        with pytest.raises(ValueError, match="balanced"):
            model.fit(TEXTS, LABELS, class_weight="even")
        for data in ((["好"], ["great"]), (TEXTS, LABELS[1:]), (TEXTS,), ([], [])):
            with pytest.raises(ValueError, match=r"great|a label for|\(x, y\)|at least one text"):
                model.fit(TEXTS, LABELS, validation_data=data, verbose=0)
        for weights in ({"bad": "2"}, {"bad": -2}, {"bad": None}, {"bad": float("nan")}):
            with pytest.raises(ValueError, match="class_weight"):
                model.fit(TEXTS, LABELS, class_weight=weights)
        for odd in ([None, "好"], ["好", 3], [1, 2], {"好"}, [["好"], ["差"]], None):
            with pytest.raises(ValueError, match="Expected a list of texts"):
                model.fit(odd, ["good", "bad"])
            with pytest.raises(ValueError, match="Expected a list of texts"):
                model.evaluate(odd, ["good", "bad"])
        for odd in (np.eye(2)[[0, 1] * 6], [[label] for label in LABELS], iter(LABELS), 5):
            with pytest.raises(ValueError, match="label"):
                model.fit(TEXTS, odd)
        for arguments in ({"batch_size": 0}, {"batch_size": -1}, {"foo": 1}):
            with pytest.raises(ValueError, match=r"batch_size|foo"):
                trained.evaluate(TEXTS, LABELS, **arguments)
        with pytest.raises(ValueError, match="classify"):
            trained.predict(TEXTS)
        with pytest.raises(ValueError, match="generates"):
            show = seq2seq.callbacks.ShowSamples(["好"])
            model.fit(TEXTS, LABELS, callbacks=[show], verbose=0)

    def test_arrays(self):
        model = make_model()
        token_ids, classes = model.encode_rows(TEXTS, LABELS)
        for odd in (classes + 1, classes - 1, classes[:, None], classes[1:], None):
            with pytest.raises(ValueError, match="numbers of classes, 0 to 1"):
                model.fit(token_ids, odd, class_weight="balanced")
        with pytest.raises(ValueError, match="vocabulary"):
            model.fit(token_ids + 1000, classes)
        with pytest.raises(ValueError, match="a text, a list"):
            model.classify(5)
        with pytest.raises(ValueError, match="vocabulary size"):
            seq2seq.TextClassifier(20, 2, units=4).classify("很好")


def make_encoder(texts=TEXTS, **options):
    keras.utils.set_random_seed(3)
    usual = {"units": 32, "num_layers": 2, "num_heads": 2, "feedforward_units": 64}
    tokenizer = seq2seq.CharTokenizer().adapt(texts)
    return seq2seq.MaskedLanguageModel(tokenizer, **{**usual, **options})


@pytest.fixture(scope="module")
def encoder():
    """A masked language model; not to be changed."""
    return make_encoder()


@pytest.fixture(scope="module")
def config(encoder):
    """The config of a classifier that has its encoder."""
    return seq2seq.TextClassifier(None, 2, encoder=encoder).get_config()


class TestEncoder:
    def test_it_starts_where_the_masked_model_is_and_learns_alone(self, encoder):
        before = encoder.get_weights()
        model = seq2seq.TextClassifier(None, ["bad", "good"], encoder=encoder)
        assert model.tokenizer is encoder.tokenizer and model.units == 32
        vectors = seq2seq.encode_texts(model, TEXTS)
        np.testing.assert_allclose(vectors, seq2seq.encode_texts(encoder, TEXTS), atol=1e-6)
        model.optimizer.learning_rate = 3e-3
        model.fit(TEXTS, LABELS, epochs=15, batch_size=4, verbose=0, seed=1)
        assert [result.label for result in model.classify(TEXTS)] == LABELS
        assert model.evaluate(TEXTS, LABELS)["accuracy"] == 1
        assert all(map(np.array_equal, before, encoder.get_weights()))

    def test_a_file_holds_all_that_it_is(self, encoder, tmp_path):
        model = seq2seq.TextClassifier(None, ["bad", "good"], dropout=0.1, encoder=encoder)
        model.save(tmp_path / "m.keras")
        loaded = seq2seq.load_model(tmp_path / "m.keras")
        assert loaded.options == model.options and loaded.options.encoder == encoder.options
        assert loaded.classify(TEXTS) == model.classify(TEXTS)
        clone = keras.models.clone_model(model)
        assert clone.get_config()["encoder"] == encoder.options.to_dict()

    def test_a_long_text_fits_its_positions(self):
        encoder = make_encoder(max_length=8)
        model = seq2seq.TextClassifier(None, 2, encoder=encoder)
        assert model.max_length == 7
        assert seq2seq.TextClassifier(None, 2, max_length=5, encoder=encoder).max_length == 5
        (row,) = model.make_rows(["不错很好房间早餐"])
        assert len(row) == 7
        assert model.classify("不错很好房间早餐").label in (0, 1)
        assert model.classify([4] * 6 + [3]).label in (0, 1)
        with pytest.raises(ValueError, match=r"at most 7 ids.*one of 8"):
            model.classify([4] * 7 + [3])
        with pytest.raises(ValueError, match=r"at most 7 ids.*one of 9"):
            model.fit(np.full((2, 9), 4), np.array([0, 1]), verbose=0)
        with pytest.raises(ValueError, match=r"`max_length` of at most 7"):
            seq2seq.TextClassifier(None, 2, max_length=8, encoder=encoder)

    @pytest.mark.parametrize(
        "options",
        [
            {"units": 16},
            {"num_layers": 2},
            {"cell": "gru"},
            {"bidirectional": False},
            {"recurrent_dropout": 0.1},
            {"l2": 0.1},
            {"vectors": "vectors.txt"},
            {"train_embedding": False},
            {"precision": "float32"},
        ],
        ids=lambda options: next(iter(options)),
    )
    def test_options_without_a_meaning_are_refused(self, encoder, options):
        with pytest.raises(ValueError, match=f"no `{next(iter(options))}` with `encoder`"):
            seq2seq.TextClassifier(None, 2, encoder=encoder, **options)

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ({"encoder": 5}, "`encoder` to be a MaskedLanguageModel, or a dict"),
            ({"encoder": "b.keras"}, "'b.keras'. Train one .* load its file"),
            ({"encoder": {"surprise": 1}}, "'surprise'"),
            ({"encoder": {"units": "16"}}, "`units` to be a whole number"),
            ({"encoder": {"units": 2**20}}, "numbers"),
            ({"units": 16}, "no `units`"),
            ({"pair_buckets": 10**11}, "numbers"),
            ({"pair_buckets": 1, "embedding_dim": 10**10}, "numbers"),
            ({"pair_buckets": 0, "embedding_dim": 16}, "no `embedding_dim`"),
            ({"tokenizer": None}, "`tokenizer`"),
        ],
    )
    def test_a_crafted_config_is_refused(self, config, entries, message):
        with pytest.raises(ValueError, match=message):
            seq2seq.TextClassifier.from_config({**config, **entries})

    def test_the_seed_of_keras_tells_the_first_weights(self, encoder):
        def make(seed):
            keras.utils.set_random_seed(seed)
            return seq2seq.TextClassifier(9, 2, encoder=encoder.options.to_dict())

        one, same, other = make(1), make(1), make(2)
        for name in ("embedding", "pair_embedding", "segments", "encoder_block_1"):
            first, again, different = (
                next(weight for weight in model.get_layer(name).get_weights() if weight.ndim > 1)
                for model in (one, same, other)
            )
            np.testing.assert_array_equal(first, again)
            assert not np.array_equal(first, different)

    def test_pairs_beside_the_encoder_are_an_option(self, encoder):
        model = seq2seq.TextClassifier(None, 2, embedding_dim=8, pair_buckets=10, encoder=encoder)
        plain = seq2seq.TextClassifier(None, 2, pair_buckets=0, encoder=encoder)
        sizes = [each.network.output.kernel.shape[0] for each in (model, plain)]
        assert sizes == [3 * 32 + 8, 3 * 32]
        assert model.get_layer("pair_embedding").embeddings.shape == (10, 8)

    def test_a_config_of_before_there_were_pairs_has_none(self, encoder):
        config = seq2seq.TextClassifier(None, 2, pair_buckets=0, encoder=encoder).get_config()
        del config["pair_buckets"], config["embedding_dim"]
        model = seq2seq.TextClassifier.from_config(config)
        assert model.options.pair_buckets == 0
        assert "pair_embedding" not in [layer.name for layer in model.layers]

    def test_another_vocabulary_is_copied_token_by_token(self, encoder):
        tokenizer = seq2seq.CharTokenizer().adapt(["很好吃", "不好"])
        with pytest.raises(ValueError, match="encoder's own vocabulary"):
            seq2seq.TextClassifier(tokenizer, 2, encoder=encoder)
        model = seq2seq.TextClassifier(tokenizer, 2, encoder=encoder.options.to_dict())
        report = seq2seq.copy_weights(encoder, model)
        assert report.copied["embedding"] == "8 of 8 tokens"
        assert report.copied["encoder_block_2"] == "all"
        assert set(report.kept) == {"pooled_embedding", "pair_embedding", "output"}
        texts = ["很好", "不好吃"]
        np.testing.assert_allclose(
            seq2seq.encode_texts(model, texts), seq2seq.encode_texts(encoder, texts), atol=1e-6
        )
        with pytest.raises(ValueError, match="a TransformerBlock for a"):
            seq2seq.copy_weights(encoder, make_model(embedding_dim=32, num_layers=5))
        with pytest.raises(ValueError, match="to copy into"):
            seq2seq.copy_weights(encoder, make_encoder())
