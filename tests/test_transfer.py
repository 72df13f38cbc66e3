"""copy_weights: what goes over from a language model, and what does not; vectors of texts."""

import keras
import numpy as np
import pytest

import seq2seq

TEXTS = ["the cat sat", "the dog sat", "a bird sang"]
OTHERS = ["a cat sang", "the fish swam"]


def make_language_model(**options):
    keras.utils.set_random_seed(1)
    tokenizer = seq2seq.WordTokenizer().adapt(TEXTS)
    return seq2seq.LanguageModel(tokenizer, **{"embedding_dim": 8, "units": 6, **options})


def make_seq2seq(**options):
    keras.utils.set_random_seed(2)
    tokenizer = seq2seq.WordTokenizer().adapt(OTHERS)
    options = {"embedding_dim": 8, "units": 6, "attention": "luong", **options}
    return seq2seq.Seq2Seq(tokenizer, tokenizer, **options)


def rows_of(weights, tokenizer, words):
    return np.asarray(weights)[tokenizer.vocabulary.ids(words)]


class TestCopyWeights:
    def test_into_a_decoder_token_by_token(self):
        source, model = make_language_model(), make_seq2seq()
        before = np.asarray(model.decoder.embedding.embeddings).copy()
        report = seq2seq.copy_weights(source, model, "decoder")
        known, unknown = ["a", "cat", "sang", "the"], ["fish", "swam"]
        theirs, ours = source.decoder, model.decoder
        for get in (lambda d: d.embedding.embeddings, lambda d: np.asarray(d.output.kernel).T):
            expected = rows_of(get(theirs), source.tokenizer, known)
            assert (rows_of(get(ours), model.target_tokenizer, known) == expected).all()
        kept = rows_of(before, model.target_tokenizer, unknown)
        assert (rows_of(ours.embedding.embeddings, model.target_tokenizer, unknown) == kept).all()
        for mine, other in zip(
            ours.stack.layers[0].get_weights(), theirs.stack.layers[0].get_weights(), strict=True
        ):
            assert (mine == other).all()
        assert list(report.copied) == ["target_embedding", "decoder_lstm", "decoder_output"]
        assert report.copied["target_embedding"] == "8 of 10 tokens"
        assert {"source_embedding", "encoder_lstm", "attention_vector"} <= report.kept.keys()
        assert "copied  decoder_lstm: all" in str(report)

    def test_into_an_encoder_of_more_layers(self):
        source, model = make_language_model(), make_seq2seq(num_layers=2)
        report = seq2seq.copy_weights(source, model, "encoder")
        assert list(report.copied) == ["source_embedding", "encoder_lstm_1"]
        assert "encoder_lstm_2" in report.kept

    def test_into_a_classifier_that_reads_from_both_ends(self):
        source = make_language_model()
        model = seq2seq.TextClassifier(source.tokenizer, 2, embedding_dim=8, units=12)
        report = seq2seq.copy_weights(source, model)
        assert report.copied == {
            "embedding": "11 of 11 tokens",
            "encoder_lstm": "forward direction",
        }
        forward = model.encoder.stack.layers[0].forward_layer.get_weights()
        assert (forward[0] == source.decoder.stack.layers[0].get_weights()[0]).all()

    def test_a_language_model_goes_over_whole(self):
        source, model = make_language_model(), make_language_model()
        source.fit(TEXTS, epochs=2, verbose=0)
        assert not seq2seq.copy_weights(source, model).kept
        assert np.allclose(model.score(TEXTS), source.score(TEXTS))

    def test_tied_embeddings(self):
        source = make_language_model(embedding_dim=6, tie_embeddings=True)
        report = seq2seq.copy_weights(source, make_seq2seq(embedding_dim=6), "decoder")
        assert list(report.copied) == ["target_embedding", "decoder_lstm"]
        tied = make_seq2seq(embedding_dim=6, tie_output=True)
        seq2seq.copy_weights(source, tied, "decoder")
        words = ["cat", "sang"]
        theirs = rows_of(source.decoder.embedding.bias, source.tokenizer, words)
        assert (rows_of(tied.decoder.embedding.bias, tied.target_tokenizer, words) == theirs).all()

    def test_weights_of_other_sizes(self):
        model = make_seq2seq()
        before = model.get_weights()
        with pytest.raises(ValueError, match="a GRU for a LSTM"):
            seq2seq.copy_weights(make_language_model(cell="gru"), model, "decoder")
        for options in ({"units": 4}, {"embedding_dim": 4}):
            source = make_language_model(**options)
            with pytest.raises(ValueError, match=r"decoder_lstm.*skip_mismatch"):
                seq2seq.copy_weights(source, model, "decoder")
        assert all(map(np.array_equal, before, model.get_weights()))
        source = make_language_model(units=4)
        report = seq2seq.copy_weights(source, model, "decoder", skip_mismatch=True)
        assert list(report.copied) == ["target_embedding"]
        assert "(8, 16) for (8, 24)" in report.kept["decoder_lstm"]
        with pytest.raises(ValueError, match="same kind"):
            other = make_language_model(units=4, embedding_dim=4)
            seq2seq.copy_weights(other, model, "decoder", skip_mismatch=True)

    def test_other_bad_input(self):
        source, model = make_language_model(), make_seq2seq()
        with pytest.raises(ValueError, match="'encoder' or 'decoder'"):
            seq2seq.copy_weights(source, model)
        with pytest.raises(ValueError, match="'decoder' for a LanguageModel"):
            seq2seq.copy_weights(source, source, "encoder")
        with pytest.raises(ValueError, match="LanguageModel to copy from"):
            seq2seq.copy_weights(model, source)
        with pytest.raises(ValueError, match="to copy into"):
            seq2seq.copy_weights(source, keras.Sequential())
        with pytest.raises(ValueError, match="without a tokenizer"):
            seq2seq.copy_weights(source, seq2seq.LanguageModel(9, 8, 6))


class TestEncodeTexts:
    @pytest.mark.parametrize("pooling", ["mean", "max"])
    def test_a_text_alone_and_among_longer_ones(self, pooling):
        tokenizer = seq2seq.WordTokenizer().adapt(TEXTS)
        for model in (
            make_seq2seq(bidirectional=True),
            seq2seq.TextClassifier(tokenizer, 2, embedding_dim=8, units=6),
            make_language_model(),
        ):
            vectors = seq2seq.encode_texts(model, ["the cat", "a bird sang a bird sang"], pooling)
            assert vectors.shape == (2, 6) and vectors.dtype == "float32"
            alone = seq2seq.encode_texts(model, ["the cat"], pooling)
            assert vectors[0] == pytest.approx(alone[0], abs=1e-5)

    def test_further_training_is_followed(self):
        model = make_language_model()
        before = seq2seq.encode_texts(model, TEXTS)
        model.fit(TEXTS, verbose=0)
        assert not np.allclose(seq2seq.encode_texts(model, TEXTS), before, atol=1e-5)

    def test_bad_input(self):
        model = make_seq2seq()
        with pytest.raises(ValueError, match="one of mean, max"):
            seq2seq.encode_texts(model, ["a"], pooling="sum")
        with pytest.raises(ValueError, match="at least one text"):
            seq2seq.encode_texts(model, "a")
        with pytest.raises(ValueError, match="Expected a Seq2Seq"):
            seq2seq.encode_texts(keras.Sequential(), ["a"])
