"""LanguageModel: what it predicts, continues, scores, and says of bad input."""

import keras
import numpy as np
import pytest

import seq2seq
from seq2seq.data.batching import make_streams, make_windows

TEXTS = ["the cat sat on the mat", "the dog sat on the log", "a bird sang, and the cat heard it"]
SAMPLERS = [
    seq2seq.Greedy(),
    seq2seq.Sample(temperature=1.3, seed=3),
    seq2seq.Greedy(no_repeat_ngram=2, min_length=5, banned=["cat"]),
]


def make_model(texts=TEXTS, **options):
    keras.utils.set_random_seed(5)
    tokenizer = seq2seq.WordTokenizer().adapt(texts)
    return seq2seq.LanguageModel(tokenizer, **{"embedding_dim": 16, "units": 32, **options})


@pytest.fixture(scope="module")
def trained():
    """A model that knows the texts by heart; not to be changed."""
    model = make_model(cell="gru", num_layers=2)
    model.optimizer.learning_rate = 0.02
    model.fit(TEXTS, epochs=50, verbose=0)
    return model


class TestWindows:
    def test_each_begins_where_the_one_before_has_ended(self):
        token_ids, labels = next(iter(make_windows([[4, 5, 6, 7, 3], [8, 3]], window=3)))
        windows = {
            (tuple(before[before > 0]), tuple(after[after > 0]))
            for before, after in zip(token_ids.numpy(), labels.numpy(), strict=True)
        }
        assert windows == {((2, 4, 5), (4, 5, 6)), ((6, 7), (7, 3)), ((2, 8), (8, 3))}

    def test_streams_go_on_from_batch_to_batch(self):
        rows = [[4, 5, 6, 3], [7, 8, 9, 10, 3], [11, 3]]
        batches = list(make_streams(rows, window=2, batch_size=2).as_numpy_iterator())
        labels = np.concatenate([labels for _, labels in batches], axis=1)
        token_ids = np.concatenate([token_ids for token_ids, _ in batches], axis=1)
        assert labels.tolist() == [[4, 5, 6, 3, 7, 8], [9, 10, 3, 11, 3, 0]]
        assert token_ids.tolist() == [[2, 4, 5, 6, 2, 7], [8, 9, 10, 2, 11, 0]]


class TestFit:
    def test_carried_states_need_as_many_rows_in_each_batch(self):
        with pytest.raises(ValueError, match="no `batch_tokens` with carry_states"):
            make_model().fit(TEXTS, carry_states=True, batch_tokens=100)

    @pytest.mark.parametrize("options", [{}, {"carry_states": True, "batch_size": 2}], ids=str)
    def test_a_long_text_is_learned_in_windows(self, options):
        model = make_model([" ".join("abcdefgh")], window=5)
        model.optimizer.learning_rate = 0.02
        history = model.fit([" ".join("abcdefgh" * 20)], epochs=20, verbose=0, seed=1, **options)
        assert history.history["perplexity"][-1] < 1.5 < 3 < history.history["perplexity"][0]

    def test_states_are_carried_from_window_to_window(self):
        text = " ".join(TEXTS)
        figures = []
        for carry_states in (True, False):
            model = make_model([text], window=4)
            model.optimizer.learning_rate = 0  # the figures of a training that changes nothing
            history = model.fit(
                [text],
                epochs=2,
                batch_size=1,
                verbose=0,
                shuffle=False,
                carry_states=carry_states,
                validation_data=[text],
            )
            figures.append(history.history["perplexity"])
        # One text and one stream: what is read is what `perplexity` reads, in every epoch anew.
        assert figures[0] == pytest.approx([model.perplexity([text])] * 2, rel=1e-5)
        # The validation is that of windows on their own, as without.
        assert history.history["val_perplexity"] == pytest.approx(figures[1], rel=1e-5)
        assert figures[1][0] != pytest.approx(figures[0][0], rel=1e-4)

    def test_carried_states_are_gone_after_training_and_no_part_of_a_file(self, tmp_path):
        model = make_model()
        names = [weight.path for weight in model.weights]
        checkpoint = keras.callbacks.ModelCheckpoint(tmp_path / "m.keras")
        model.fit(
            TEXTS, batch_size=2, verbose=0, carry_states=True, callbacks=[checkpoint], epochs=2
        )
        assert [weight.path for weight in model.weights] == names
        loaded = keras.saving.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(loaded.score(TEXTS), model.score(TEXTS), rtol=1e-5)

    @pytest.mark.usefixtures("untraced")
    def test_arrays_and_datasets_give_the_same_loss(self):
        token_ids, labels = make_model().encode_rows(TEXTS)
        losses = []
        for data in (
            lambda: (TEXTS,),
            lambda: (token_ids, labels),
            lambda: ({"token_ids": token_ids}, labels),
            lambda: (make_windows([[i for i in row if i] for row in labels], 100),),
        ):
            losses.append(make_model().evaluate(*data(), verbose=0))
        np.testing.assert_allclose(losses, losses[:1] * 4, rtol=1e-5)
        with pytest.raises(ValueError, match="token_ids of shape"):
            make_model().evaluate({"ids": token_ids}, labels)

    @pytest.mark.usefixtures("untraced")
    def test_rows_of_ids_stand_for_texts(self):
        rows = make_model().make_rows(TEXTS)
        figures = []
        for texts in (TEXTS, rows):
            model = make_model()
            history = model.fit(texts, validation_data=texts, verbose=0, seed=1)
            evaluated = model.evaluate(texts, verbose=0, return_dict=True)
            figures.append((history.history, evaluated, model.perplexity(texts)))
        assert figures[0] == figures[1]

    def test_validation_split_and_manifest(self):
        model = make_model()
        history = model.fit(TEXTS, validation_split=0.4, verbose=0, seed=3)
        assert "val_perplexity" in history.history
        assert model.manifest["data"]["texts"] == 3
        assert model.manifest["seed"] == 3

    def test_a_saved_model_generates_the_same(self, tmp_path):
        model = make_model(embedding_dim=32, tie_embeddings=True, dropout=0.1)
        model.fit(TEXTS, epochs=3, verbose=0, carry_states=True, batch_size=2)
        model.save(tmp_path / "m.keras")
        loaded = keras.saving.load_model(tmp_path / "m.keras")
        assert loaded.generate(["the", ""], 9) == model.generate(["the", ""], 9)
        assert loaded.manifest == model.manifest
        np.testing.assert_allclose(loaded.score(TEXTS), model.score(TEXTS), rtol=1e-5)


class TestGenerate:
    def test_the_prompt_comes_back_with_its_continuation(self, trained):
        assert trained.generate("the dog") == TEXTS[1]
        assert trained.generate(["a", "the dog sat"]) == [TEXTS[2], TEXTS[1]]
        assert trained.generate() in TEXTS
        assert trained.generate("a  Zebra ", max_length=1).startswith("a  Zebra ")
        assert trained.generate("zebra xylophone", max_length=3).startswith("zebra xylophone")
        assert trained.generate([]) == []

    def test_a_space_at_the_end_is_a_token_where_spaces_are(self):
        keras.utils.set_random_seed(5)
        tokenizer = seq2seq.CharTokenizer().adapt(["there there"])
        model = seq2seq.LanguageModel(tokenizer, 8, 32)
        model.optimizer.learning_rate = 0.02
        model.fit(["there there"] * 64, epochs=25, verbose=0)
        assert model.generate("the", 5, seq2seq.Greedy()).startswith("there")
        assert model.generate("there ", 5) == "there there"
        assert list(model.generate("there ", 2, stream=True)) == ["there ", "t", "h"]

    def test_a_padded_row_is_streamed_as_it_is_generated(self, trained):
        row = np.array([4, 5, 0, 0])
        assert list(trained.generate(row, 5, stream=True)) == trained.generate(row, 5)

    def test_ids(self, trained):
        ids = trained.tokenizer.encode("the dog")
        (row,) = trained.generate([ids])
        assert row == trained.generate(ids)
        assert row[:2] == ids and row[-1] == seq2seq.EOS
        assert trained.tokenizer.decode(row) == TEXTS[1]
        assert trained.generate([[*ids, seq2seq.PAD], []])[0] == row

    def test_details(self, trained):
        prompts = ["the dog ", ""]
        results = trained.generate(prompts, return_details=True)
        assert [result.text for result in results] == trained.generate(prompts)
        continued, whole = results
        assert continued.source_tokens == ["the", "dog"]
        assert [*continued.source_tokens, *continued.tokens] == TEXTS[1].split()
        assert whole.score == pytest.approx(trained.score([whole.text])[0], abs=1e-4)
        assert whole.score == pytest.approx(whole.token_scores.sum(), abs=1e-5)
        best = [others[0][0] for others in whole.alternatives]
        assert best == whole.labels == [*whole.tokens, "[EOS]"]
        (of_ids,) = trained.generate([trained.tokenizer.encode("the dog")], return_details=True)
        assert (of_ids.text, of_ids.ids) == (TEXTS[1], continued.ids)

    def test_details_of_several_results(self, trained):
        beam = seq2seq.BeamSearch(width=4, num_results=3)
        results = trained.generate(["the", "a"], sampler=beam, return_details=True)
        texts = [[result.text for result in group] for group in results]
        assert texts == trained.generate(["the", "a"], sampler=beam)
        scores = [result.normalised_score for result in results[0]]
        assert scores == sorted(scores, reverse=True)

    @pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
    def test_a_stream_joined_is_what_generate_returns(self, trained, sampler):
        for prompt in ("the", "", "the dog ", "a zebra"):
            pieces = list(trained.generate(prompt, 12, sampler, stream=True))
            assert pieces[0] == prompt
            assert "".join(pieces) == trained.generate(prompt, 12, sampler)

    def test_a_prompt_is_continued_alike_in_any_company(self, trained):
        prompts = ["the", "", "the cat sat on", "a bird", "the dog"]
        alone = [trained.generate(prompt, 9) for prompt in prompts]
        assert trained.generate(prompts, 9) == alone
        assert trained.generate(prompts, 9, batch_size=2) == alone

    def test_a_beam_finds_what_scores_best(self, trained):
        beam = seq2seq.BeamSearch(width=5, num_results=3, length_penalty=0)
        results = trained.generate("the", sampler=beam)
        scores = trained.score(results)
        assert len(set(results)) == 3 and scores.tolist() == sorted(scores, reverse=True)
        assert trained.generate("the", sampler=seq2seq.BeamSearch(1)) == trained.generate("the")

    def test_steps_equal_the_training_graph(self, trained):
        token_ids, labels = trained.encode_rows(TEXTS)
        expected = np.asarray(trained(token_ids, training=False))
        states = [np.zeros((3, 32), "float32")] * 2
        for i in range(token_ids.shape[1]):
            scores, states = trained.network.step(token_ids[:, i], states, [], np.full(3, i))
            probabilities = np.asarray(keras.ops.softmax(scores))
            real = labels[:, i] != seq2seq.PAD
            np.testing.assert_allclose(probabilities[real], expected[real, i], atol=1e-5)


class TestScore:
    def test_it_is_the_sum_of_log_probabilities_however_cut(self, trained):
        token_ids, labels = trained.encode_rows(TEXTS[:1])
        probabilities = np.asarray(trained(token_ids, training=False))[0]
        expected = np.log(probabilities[np.arange(len(labels[0])), labels[0]]).sum()
        assert trained.score(TEXTS)[0] == pytest.approx(expected, rel=1e-4)
        model = make_model(window=2)
        whole = make_model()
        np.testing.assert_allclose(model.score(TEXTS), whole.score(TEXTS), rtol=1e-5)

    def test_long_texts_in_bfloat16(self):
        policy = keras.config.dtype_policy()
        try:
            keras.config.set_dtype_policy("mixed_bfloat16")
            half = make_model(window=4)
        finally:
            keras.config.set_dtype_policy(policy)
        whole = make_model(window=4)
        whole.set_weights(half.get_weights())
        assert half.score(TEXTS) == pytest.approx(whole.score(TEXTS), rel=0.02)

    def test_perplexity_is_a_token(self, trained):
        figures = trained.evaluate(TEXTS, verbose=0, return_dict=True)
        assert trained.perplexity(TEXTS) == pytest.approx(figures["perplexity"], rel=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.fit([]), "at least one text"),
        (lambda model: model.fit(TEXTS, TEXTS), "texts alone"),
        (lambda model: model.fit(None), "Expected a list of texts"),
        (lambda model: model.fit([None, "a"]), "place 0: None"),
        (lambda model: model.fit(TEXTS, validation_data=(TEXTS,)), "validation_data"),
        (lambda model: model.predict(TEXTS), "generate"),
        (lambda model: model.generate([4, 5, 3]), "without BOS"),
        (lambda model: model.fit([[4, 99]]), "from 1 to"),
        (lambda model: model.score("one text"), "list"),
        (lambda model: model.generate(TEXTS, stream=True), "one text"),
        (lambda model: model.generate("a", sampler="beam", stream=True), "one hypothesis"),
        (lambda model: model.generate("a", stream=True, return_details=True), "no return_details"),
        (lambda model: model.generate("a", max_length=0), "max_length"),
        (lambda model: model.generate(None), "list of texts"),
        (lambda model: model.generate(["a", None]), "prompt"),
        (lambda model: model.perplexity(None), "list"),
        (lambda model: model.fit(TEXTS, batch_size=0, carry_states=True), "batch_size"),
        (
            lambda model: model.fit(
                TEXTS, callbacks=[seq2seq.callbacks.SourceReliance(TEXTS, TEXTS)], verbose=0
            ),
            "sources and targets",
        ),
        (lambda model: model.generate("a", sampler=seq2seq.Greedy(replace_unknown=True)), "source"),
        (lambda model: model.generate([[4, 99]]), "prompt"),
        (lambda model: model.fit(np.ones((2, 3), int), carry_states=True), "carry_states"),
        (lambda model: seq2seq.LanguageModel(seq2seq.CharTokenizer()), "adapt"),
        (lambda model: seq2seq.LanguageModel(20, window=1), "window"),
        (lambda model: seq2seq.LanguageModel(20, 8, 9, tie_embeddings=True), "tie_embeddings"),
        (lambda model: seq2seq.LanguageModel(20, cell="x"), "lstm"),
        (lambda model: seq2seq.LanguageModel(20).generate("text"), "vocabulary size"),
    ],
)
def test_bad_input(trained, call, message):
    with pytest.raises(ValueError, match=message):
        call(trained)
