"""Seq2Seq: what it is made of, what it takes, and what it says of bad input."""

import types
import warnings
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import CHINESE, ENGLISH, make_model

import seq2seq
from seq2seq.training.metrics import Perplexity
from seq2seq.training.optimizer import Adam


def fit_losses(x, y=None, compiled=None, **options):
    """Trains a fresh model for two epochs in a fixed order and returns its losses."""
    model = make_model()
    if compiled:
        model.compile(*compiled[0], **compiled[1])
    history = model.fit(x, y, epochs=2, shuffle=False, verbose=0, **options)
    return history.history["loss"]


@pytest.fixture
def arrays(model):
    return model.encode_pairs(ENGLISH, CHINESE)


class TestGraph:
    def test_it_is_a_flat_functional_model_of_named_layers(self, model):
        assert isinstance(model, keras.Model)
        names = [layer.name for layer in model.layers]
        assert {"source_embedding", "encoder_lstm", "target_embedding", "decoder_lstm"} < set(names)
        assert not any(isinstance(layer, keras.Model) for layer in model.layers)
        assert [tensor.name for tensor in model.inputs] == ["source_ids", "target_ids"]

    def test_it_gives_probabilities(self, model, arrays):
        (source_ids, target_ids), _ = arrays
        probabilities = model.predict([source_ids, target_ids], verbose=0)
        assert probabilities.shape == (*target_ids.shape, len(model.target_tokenizer.vocabulary))
        np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)

    def test_the_mask_reaches_the_encoder(self, model, arrays):
        encoder_model, _ = seq2seq.build_inference_models(model)
        source_ids = arrays[0][0]
        padded = np.pad(source_ids, ((0, 0), (0, 5)))
        for a, b in zip(
            encoder_model.predict(source_ids, verbose=0),
            encoder_model.predict(padded, verbose=0),
            strict=True,
        ):
            np.testing.assert_allclose(a, b, atol=1e-6)

    def test_it_arrives_compiled(self, model):
        assert model.optimizer.clipnorm == 1.0
        results = model.evaluate(ENGLISH, CHINESE, verbose=0, return_dict=True)
        assert set(results) == {"loss", "accuracy", "perplexity"}

    def test_mixed_precision_trains_and_generates(self):
        keras.mixed_precision.set_dtype_policy("mixed_bfloat16")
        try:
            model = make_model()
            history = model.fit(ENGLISH, CHINESE, epochs=2, verbose=0)
            assert np.isfinite(history.history["loss"]).all()
            assert len(model.generate(ENGLISH, max_length=5, sampler="beam")) == 4
        finally:
            keras.mixed_precision.set_dtype_policy("float32")


class TestFit:
    def test_all_forms_give_the_same_training_signal(self, arrays):
        (source_ids, target_ids), labels = arrays
        named = {"source_ids": source_ids, "target_ids": target_ids}
        one_hot = keras.utils.to_categorical(labels, make_model().target_vocabulary_size)
        dataset = tf.data.Dataset.from_tensor_slices((named, labels)).batch(4)
        expected = fit_losses([source_ids, target_ids], labels)

        assert fit_losses(named, labels) == pytest.approx(expected, rel=1e-5)
        assert fit_losses(dataset) == pytest.approx(expected, rel=1e-5)
        assert fit_losses(ENGLISH, CHINESE) == pytest.approx(expected, rel=1e-4)
        for loss, y in (
            ("sparse_categorical_crossentropy", labels),
            ("categorical_crossentropy", one_hot),
        ):
            adam = Adam(1e-3, clipnorm=1.0)
            compiled = (), {"optimizer": adam, "loss": loss, "metrics": ["accuracy"]}
            assert fit_losses(named, y, compiled) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("one_hot", [False, True])
    def test_padding_never_counts_with_the_strings_of_keras(self, arrays, one_hot):
        inputs, labels = arrays
        model = make_model()
        size = model.target_vocabulary_size
        loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
        model.compile("rmsprop", loss, metrics=["accuracy"])

        def evaluate(padding):
            wide = [np.pad(ids, ((0, 0), (0, padding))) for ids in (*inputs, labels)]
            y = keras.utils.to_categorical(wide[2], size) if one_hot else wide[2]
            return model.evaluate(wide[:2], y, verbose=0)

        assert evaluate(20) == pytest.approx(evaluate(0), rel=1e-5)
        y = keras.utils.to_categorical(labels, size) if one_hot else labels
        real, right = labels != 0, model.predict(inputs, verbose=0).argmax(-1) == labels
        assert real.sum() < real.size  # there is padding
        history = model.fit(inputs, y, batch_size=len(labels), verbose=0)
        assert history.history["accuracy"][0] == pytest.approx(right[real].mean(), abs=1e-6)

    def test_validation_data_takes_texts_arrays_and_datasets(self, model, arrays):
        inputs, labels = arrays
        dataset = model.make_dataset(ENGLISH, CHINESE, 4)
        values = [
            model.fit(
                ENGLISH, CHINESE, validation_data=data, verbose=0, shuffle=False, epochs=1
            ).history["val_perplexity"][0]
            for data in ((ENGLISH, CHINESE), (inputs, labels), dataset)
        ]
        assert np.isfinite(values).all()
        same = [
            model.evaluate(*data, verbose=0, return_dict=True)["perplexity"]
            for data in ((ENGLISH, CHINESE), (inputs, labels), (dataset,))
        ]
        assert same == pytest.approx([same[0]] * 3, rel=1e-5)

    def test_validation_split_takes_the_last_pairs(self, model):
        history = model.fit(ENGLISH, CHINESE, validation_split=0.25, verbose=0)
        expected = model.evaluate(ENGLISH[3:], CHINESE[3:], verbose=0, return_dict=True)
        assert history.history["val_perplexity"][0] == pytest.approx(
            expected["perplexity"], rel=1e-4
        )
        assert model.manifest["data"]["pairs"] == 4

    def test_sample_weights_of_arrays_count(self, arrays):
        inputs, labels = arrays
        weights = np.array([1.0, 0.0, 0.0, 0.0])
        model = make_model()
        first = model.evaluate([ids[:1] for ids in inputs], labels[:1], verbose=0, return_dict=True)
        weighted = model.evaluate(
            inputs, labels, sample_weight=weights, verbose=0, return_dict=True
        )
        share = np.count_nonzero(labels[0]) / np.count_nonzero(labels)  # Keras divides by all
        assert weighted["loss"] == pytest.approx(share * first["loss"], rel=1e-5)
        unweighted = fit_losses(inputs, labels)
        assert fit_losses(inputs, labels, sample_weight=weights) != unweighted
        metric = Perplexity()
        metric.update_state(labels, model.predict(inputs, verbose=0), weights)
        assert float(metric.result()) == pytest.approx(first["perplexity"], rel=1e-5)

    def test_sample_weights_of_rows_and_of_tokens_take_turns(self, model, arrays):
        inputs, labels = arrays
        values = [
            model.evaluate(inputs, labels, sample_weight=weights, verbose=0)[0]
            for weights in (np.ones(4), np.ones(labels.shape), np.ones(4))
        ]
        assert values == pytest.approx([values[0]] * 3, rel=1e-6)

    @pytest.mark.parametrize("one_hot", [False, True])
    def test_the_labels_tell_the_padding_even_if_the_inputs_hold_eos(self, arrays, one_hot):
        (source_ids, target_ids), labels = arrays
        with_eos = np.concatenate([target_ids[:, :1], labels], axis=1)[:, :-1]
        model = make_model()
        size = model.target_vocabulary_size
        loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
        model.compile("adam", loss, metrics=["accuracy"])
        y = keras.utils.to_categorical(labels, size) if one_hot else labels
        expected = model.evaluate([source_ids, target_ids], y, verbose=0)
        assert model.evaluate([source_ids, with_eos], y, verbose=0) == pytest.approx(expected)

    @pytest.mark.neutral
    def test_texts_may_stand_in_tuples_and_arrays(self):
        expected = fit_losses(ENGLISH, CHINESE)
        assert fit_losses(np.array(ENGLISH), tuple(CHINESE)) == pytest.approx(expected)

    def test_a_seed_fixes_the_order(self, phrases):
        def losses(seed):
            model = make_model()
            return model.fit(*phrases, batch_size=1, epochs=2, seed=seed, verbose=0).history["loss"]

        assert losses(1) == losses(1)
        assert losses(1) != losses(2)

    def test_batches_of_tokens(self, phrases):
        model = make_model()
        model.fit(*phrases, batch_tokens=8, verbose=0, seed=1)
        assert model.manifest["training"]["batch_tokens"] == 8
        assert "batch_size" not in model.manifest["training"]
        assert model.manifest["training"]["updates"] > 1
        inputs, labels = model.encode_pairs(*phrases)
        for x, y, options, words in (
            (*phrases, {"batch_size": 2}, "Leave one out"),
            (inputs, labels, {}, "a list of texts"),
            (lambda: zip(*phrases, strict=True), None, {}, "a list of texts"),
            (*phrases, {"batch_tokens": 0}, "batch_tokens"),
        ):
            with pytest.raises(ValueError, match=words):
                model.fit(x, y, **{"batch_tokens": 8, **options})

    @pytest.mark.neutral
    def test_keras_callbacks(self, tmp_path):
        model = make_model()
        callbacks = [
            keras.callbacks.EarlyStopping("val_loss", patience=1),
            keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", save_best_only=True),
            keras.callbacks.TensorBoard(tmp_path / "logs"),
        ]
        model.fit(
            ENGLISH,
            CHINESE,
            epochs=2,
            validation_data=(ENGLISH, CHINESE),
            callbacks=callbacks,
            verbose=0,
        )
        loaded = keras.saving.load_model(tmp_path / "best.keras")
        (loss, *_) = loaded.evaluate(ENGLISH, CHINESE, verbose=0)
        assert loaded.manifest["metrics"]["val_loss"] == pytest.approx(loss, rel=1e-4)
        assert list((tmp_path / "logs").iterdir())

    def test_backup_and_restore_resumes_after_a_kill(self, tmp_path):
        class Kill(keras.callbacks.Callback):
            def on_epoch_begin(self, epoch, logs=None):
                if epoch == 2:
                    raise KeyboardInterrupt

        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        with pytest.raises(KeyboardInterrupt):
            make_model().fit(ENGLISH, CHINESE, epochs=4, verbose=0, callbacks=[backup, Kill()])
        model = make_model()
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        history = model.fit(ENGLISH, CHINESE, epochs=4, verbose=0, callbacks=[backup])
        assert history.epoch == [2, 3]
        assert model.manifest["training"]["updates"] == 4


class TestSaving:
    def test_the_optimizer_and_the_manifest_are_kept(self, trained, tmp_path):
        trained.save(tmp_path / "model.keras")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert int(loaded.optimizer.iterations) == int(trained.optimizer.iterations) == 60
        assert loaded.manifest == trained.manifest
        assert loaded.manifest["data"]["pairs"] == 4
        assert loaded.manifest["backend"] == keras.backend.backend()
        assert {"seq2seq", "keras", "seed", "training", "metrics"} < set(loaded.manifest)

    def test_an_untrained_model_loads_without_a_warning(self, model, tmp_path):
        model.save(tmp_path / "model.keras")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            keras.saving.load_model(tmp_path / "model.keras")

    def test_weights_go_into_a_model_built_afresh(self, trained, tmp_path):
        trained.save_weights(tmp_path / "x.weights.h5")
        fresh = seq2seq.Seq2Seq.from_config(trained.get_config())
        assert fresh.generate(ENGLISH) != CHINESE
        fresh.load_weights(tmp_path / "x.weights.h5")
        assert fresh.generate(ENGLISH) == CHINESE

    def test_a_model_of_ids_is_saved_too(self, tmp_path):
        model = seq2seq.Seq2Seq(10, 12, embedding_dim=4, units=4)
        model.save(tmp_path / "ids.keras")
        loaded = keras.saving.load_model(tmp_path / "ids.keras")
        assert loaded.generate([[5, 6, 3]]) == model.generate([[5, 6, 3]])

    @pytest.mark.neutral
    def test_a_jieba_tokenizer_keeps_its_words(self, tmp_path):
        target = seq2seq.JiebaTokenizer(user_dictionary=["早上好呀"]).adapt(["早上好呀。"])
        model = seq2seq.Seq2Seq(10, target, embedding_dim=4, units=4)
        model.save(tmp_path / "m.keras")
        loaded = keras.saving.load_model(tmp_path / "m.keras")
        assert loaded.target_tokenizer.tokenize("早上好呀。") == ["早上好呀", "。"]

    def test_a_missing_folder_is_named(self, model, tmp_path):
        with pytest.raises(ValueError, match="nowhere"):
            model.save(tmp_path / "nowhere" / "model.keras")

    @pytest.mark.neutral
    def test_a_full_disk_leaves_the_old_file(self, model, tmp_path, monkeypatch):
        path = tmp_path / "model.keras"
        model.save(path)
        before = path.read_bytes()

        def fail(*args, **kwargs):
            path.with_name("half").write_bytes(b"x")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("keras.src.saving.saving_lib._save_model_to_fileobj", fail)
        with pytest.raises(ValueError, match=r"No space left.*is kept"):
            model.save(path)
        assert path.read_bytes() == before
        assert {file.name for file in tmp_path.iterdir()} == {"model.keras", "half"}

    def test_what_could_not_be_loaded_is_not_written(self, model, tmp_path):
        with pytest.raises(ValueError, match=r"ends in \.keras"):
            model.save(tmp_path / "m.h5")
        assert not list(tmp_path.iterdir())

    @pytest.mark.neutral
    def test_weights_are_not_begun_on_a_full_disk(self, model, tmp_path, monkeypatch):
        path = tmp_path / "x.weights.h5"
        model.save_weights(path)
        before = path.read_bytes()
        monkeypatch.setattr("shutil.disk_usage", lambda folder: types.SimpleNamespace(free=10))
        with pytest.raises(ValueError, match="free bytes"):
            model.save_weights(path)
        assert path.read_bytes() == before

    def test_saving_again_replaces_the_file_at_once(self, model, tmp_path):
        path = tmp_path / "model.keras"
        model.save(path)
        model.save(path)
        assert [file.name for file in tmp_path.iterdir()] == ["model.keras"]


class TestGenerate:
    def test_texts(self, trained):
        assert trained.generate(ENGLISH[3]) == CHINESE[3]
        assert trained.generate(ENGLISH) == CHINESE
        assert trained.generate([]) == []

    def test_order_is_kept_whatever_the_batches(self, trained):
        texts = [ENGLISH[i % 4] for i in range(11)]
        expected = [CHINESE[i % 4] for i in range(11)]
        for batch_size in (1, 3, 64):
            assert trained.generate(texts, batch_size=batch_size) == expected

    def test_ids(self, trained):
        rows = [[*trained.source_tokenizer.encode(text), seq2seq.EOS] for text in ENGLISH]
        results = trained.generate(rows)
        assert [trained.target_tokenizer.decode(row) for row in results] == CHINESE
        assert all(row[-1] == seq2seq.EOS for row in results)
        assert trained.generate(rows[0]) == results[0]
        padded = trained.encode_pairs(ENGLISH, CHINESE)[0][0]
        assert trained.generate(padded) == results
        assert trained.generate(padded[0]) == results[0]

    def test_special_tokens_are_never_produced(self, model):
        sampler = seq2seq.Sample(temperature=5.0, seed=1)
        for row in model.generate([[5, 3]] * 40, sampler=sampler, max_length=20):
            assert not set(row) & {seq2seq.PAD, seq2seq.UNK, seq2seq.BOS}

    def test_max_length_counts_the_end(self, trained):
        rows = trained.encode_pairs(ENGLISH, CHINESE)[0][0]
        assert [len(row) for row in trained.generate(rows, max_length=2)] == [2] * 4
        assert trained.generate(ENGLISH[0], max_length=2) == CHINESE[0][:2]

    def test_details(self, trained):
        result = trained.generate(ENGLISH[1], return_details=True)
        assert result.text == CHINESE[1]
        assert result.tokens == list(CHINESE[1])
        assert result.score == pytest.approx(trained.score(ENGLISH[1:2], CHINESE[1:2])[0], abs=1e-4)

    def test_scores_need_a_batch_size(self, trained):
        with pytest.raises(ValueError, match="batch_size"):
            trained.score(ENGLISH, CHINESE, batch_size=-1)

    def test_several_results_best_first(self, trained):
        beam = seq2seq.BeamSearch(width=4, num_results=3)
        results = trained.generate(ENGLISH, sampler=beam)
        assert [group[0] for group in results] == CHINESE
        assert all(len(group) == 3 for group in results)
        assert len(trained.generate(ENGLISH[0], sampler=beam)) == 3

    def test_empty_texts_stay_empty(self, trained):
        assert trained.generate("") == ""
        assert trained.generate(["", ENGLISH[0], " "]) == ["", CHINESE[0], ""]

    def test_unknown_words_emoji_and_full_width_marks(self, trained):
        assert isinstance(trained.generate("xyzzy 😀 ，！？"), str)

    def test_it_follows_further_training(self, phrases):
        model = make_model()
        before = model.generate(phrases[0], max_length=8)
        model.optimizer.learning_rate = 0.02
        model.fit(*phrases, epochs=30, verbose=0)
        assert before != phrases[1]
        assert model.generate(phrases[0], max_length=8) == phrases[1]

    def test_a_seeded_sample_does_not_depend_on_its_batch(self, trained):
        sampler = seq2seq.Sample(temperature=3.0, seed=3)
        together = trained.generate(ENGLISH, sampler=sampler, max_length=12)
        assert trained.generate(ENGLISH, sampler=sampler, max_length=12, batch_size=1) == together

    def test_a_seeded_sample_depends_on_its_own_place_only(self, trained):
        sampler = seq2seq.Sample(temperature=3.0, seed=3)
        together = trained.generate(ENGLISH, sampler=sampler, max_length=12)
        others = [ENGLISH[2], "", *ENGLISH[2:]]
        assert trained.generate(others, sampler=sampler, max_length=12)[2:] == together[2:]
        later = seq2seq.Sample(temperature=3.0, seed=3, first_row=2)
        assert trained.generate(ENGLISH[2:], sampler=later, max_length=12) == together[2:]

    def test_a_length_that_no_memory_holds_is_refused(self, trained):
        for max_length in (10**9, 2**17 + 1):
            with pytest.raises(ValueError, match="at most 131,072 tokens"):
                trained.generate("good", max_length=max_length)

    def test_long_texts_are_cut_and_it_is_said_once(self, model):
        long = "good " * 10_000
        with pytest.warns(UserWarning, match="1 of 2 source texts were cut to 199 tokens") as seen:
            model.generate([long, "good"], max_length=3)
        assert len(seen) == 1

    def test_a_target_that_is_cut_does_not_teach_to_end_there(self):
        model = make_model(max_target_length=4)
        with pytest.warns(UserWarning, match="3 of 4 target texts were cut to 3 tokens"):
            (_, target_ids), labels = model.encode_pairs(ENGLISH, CHINESE)
        ends = [np.count_nonzero(row == seq2seq.EOS) for row in labels]
        assert ends == [len(text) <= 3 for text in CHINESE] == [0, 1, 0, 0]
        assert labels.shape == (4, 4) and (target_ids[:, 0] == seq2seq.BOS).all()
        assert ((target_ids == seq2seq.PAD) == (labels == seq2seq.PAD)).all()

    @pytest.mark.filterwarnings("ignore:.*were cut")
    def test_the_perplexity_of_characters_counts_those_that_are_scored(self):
        model = make_model(max_target_length=4)
        names = ["loss", "character_perplexity"]
        figures = seq2seq.evaluation.evaluate_model(model, ENGLISH, CHINESE, metrics=names)
        # Of a character tokenizer, tokens with EOS are the characters that count.
        assert figures["character_perplexity"] == pytest.approx(np.exp(figures["loss"]), rel=1e-6)


class TestBadInput:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"units": 0}, "units"),
            ({"num_layers": 1.5}, "num_layers"),
            ({"cell": "transformer"}, "lstm"),
            ({"dropout": 1.0}, "dropout"),
        ],
    )
    def test_of_the_constructor(self, options, message):
        with pytest.raises(ValueError, match=message):
            make_model(**options)

    def test_of_tokenizers(self):
        with pytest.raises(ValueError, match="never adapted"):
            seq2seq.Seq2Seq(seq2seq.WordTokenizer(), 10)
        with pytest.raises(ValueError, match="tokenizer, or a vocabulary size"):
            seq2seq.Seq2Seq("words", 10)
        with pytest.raises(ValueError, match="vocabulary size"):
            seq2seq.Seq2Seq(10, 3)

    def test_of_pairs(self, model):
        with pytest.raises(ValueError, match="2 sources and 1 targets"):
            model.fit(ENGLISH[:2], CHINESE[:1])
        with pytest.raises(ValueError, match="at least one pair"):
            model.fit([], [])
        with pytest.raises(ValueError, match="list"):
            model.fit("one text", "another")
        with pytest.raises(ValueError, match="4 sources and 0 targets"):
            model.fit(ENGLISH)
        with pytest.raises(ValueError, match="text"):
            model.fit(["a", None], ["b", "c"])

    def test_of_arrays(self, model, arrays):
        (source_ids, target_ids), labels = arrays
        with pytest.raises(ValueError, match="source_ids from 0 to"):
            model.fit([source_ids + 1000, target_ids], labels)
        with pytest.raises(ValueError, match="labels from 0 to"):
            model.evaluate([source_ids, target_ids], labels + 1000)
        with pytest.raises(ValueError, match="shape of target_ids"):
            model.fit([source_ids, target_ids], labels[:, 1:])
        with pytest.raises(ValueError, match="begins with padding"):
            model.fit([source_ids * 0, target_ids], labels)
        with pytest.raises(ValueError, match="two names"):
            model.fit({"source": source_ids, "target_ids": target_ids}, labels)
        with pytest.raises(ValueError, match="two names"):
            model.fit([source_ids], labels)

    def test_of_generate(self, model):
        for length in (0, -3):
            with pytest.raises(ValueError, match="max_length"):
                model.generate("good", max_length=length)
        with pytest.raises(ValueError, match="'greedy', 'sample', 'beam'"):
            model.generate("good", sampler="best")
        with pytest.raises(ValueError, match="another vocabulary"):
            model.generate([[4, 5000, 3]])
        for wrong in (None, 5, {"a": 1}, [None], [1.5, 2.5], b"abc", [["a"]]):
            with pytest.raises(ValueError, match="rows of ids"):
                model.generate(wrong)
        for batch_size in (0, -1, 1.5):
            with pytest.raises(ValueError, match="batch_size"):
                model.fit(ENGLISH, CHINESE, batch_size=batch_size)
            with pytest.raises(ValueError, match="batch_size"):
                model.evaluate(ENGLISH, CHINESE, batch_size=batch_size)
        with pytest.raises(ValueError, match="ids"):
            seq2seq.Seq2Seq(10, 10, embedding_dim=4, units=4).generate("good")

    def test_sample_weights_with_texts(self, model):
        with pytest.raises(ValueError, match="encode_pairs"):
            model.fit(ENGLISH, CHINESE, sample_weight=np.ones(4))

    def test_a_validation_split_that_leaves_nothing(self, model):
        with pytest.raises(ValueError, match="validation_split"):
            model.fit(ENGLISH[:1], CHINESE[:1], validation_split=0.1)
        with pytest.raises(ValueError, match="validation_split"):
            model.fit(ENGLISH, CHINESE, validation_split=1.5)


class TestStreamedPairs:
    """`fit` on pairs that are read as they are needed."""

    def test_it_trains_as_on_a_list(self):
        def losses(*data):
            model = make_model()
            data = data or (model.stream_pairs(read_pairs, shuffle=False),)
            return model.fit(*data, epochs=3, shuffle=False, verbose=0).history["loss"]

        reads = []

        def read_pairs():
            reads.append(1)
            return zip(ENGLISH, CHINESE, strict=True)

        assert losses() == pytest.approx(losses(ENGLISH, CHINESE), rel=1e-5)
        assert len(reads) in (4, 5)  # once to count them; JAX builds the model from a first batch

    @pytest.mark.neutral
    def test_no_more_than_two_pools_are_held(self, model):
        class Text(str):
            """A text that may be referred to weakly."""

        alive, most = weakref.WeakSet(), 0

        def read_pairs():
            nonlocal most
            for number in range(5000):
                text = Text(f"good {number}")
                alive.add(text)
                most = max(most, len(alive))
                yield text, CHINESE[0]

        stream = model.stream_pairs(read_pairs, batch_size=4, num_pairs=5000)
        assert sum(len(inputs["source_ids"]) for inputs, _ in stream) == 5000
        assert 400 <= most <= 2 * 400 + 1  # a pool is let go when the next one has been read

    def test_a_later_epoch_has_the_order_it_would_have_had(self, phrases):
        def train(*stages):
            model = make_model()
            stream = model.stream_pairs(lambda: zip(*phrases, strict=True), 1, seed=3)
            for initial_epoch, epochs in stages:
                model.fit(stream, initial_epoch=initial_epoch, epochs=epochs, verbose=0)
                stream = model.stream_pairs(lambda: zip(*phrases, strict=True), 1, seed=3)
            return model.get_weights()

        for whole, resumed in zip(train((0, 3)), train((0, 1), (1, 3)), strict=True):
            np.testing.assert_array_equal(whole, resumed)

    def test_a_seed_fixes_the_order(self, model, phrases):
        def order(seed):
            stream = model.stream_pairs(lambda: zip(*phrases, strict=True), 1, seed=seed)
            return [inputs["source_ids"].numpy().tolist() for _ in range(2) for inputs, _ in stream]

        assert order(1) == order(1) != order(2)

    def test_their_number_may_be_given(self, model):
        def read_pairs():
            return zip(ENGLISH, CHINESE, strict=True)

        assert len(model.stream_pairs(read_pairs, batch_size=3, num_pairs=4)) == 2
        stream = model.stream_pairs(read_pairs, batch_size=2, num_pairs=6)
        with pytest.raises(Exception, match=r"Expected 6 pairs .* Received 4"):
            list(stream)

    @pytest.mark.parametrize(
        ("pairs", "words"),
        [
            ([], "It returned none"),
            (3, "Expected pairs, one after the other"),
            ([("a", "b"), ("good", None)], "two texts as pair 2"),
            (["ab"], "two texts as pair 1"),
            ([("a", "b", "c")], "two texts as pair 1"),
        ],
    )
    @pytest.mark.neutral
    def test_what_are_no_pairs_is_named_before_training(self, model, pairs, words):
        with pytest.raises(ValueError, match=words):
            model.stream_pairs(lambda: pairs)

    def test_a_list_is_refused(self, model):
        with pytest.raises(ValueError, match="a function that returns the pairs"):
            model.stream_pairs([("a", "b")])
