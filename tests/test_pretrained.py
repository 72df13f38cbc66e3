"""Pretrained models: folders of Hugging Face become models of ours, which say the same."""

import json
import re
import shutil
import sys
import warnings

import keras
import numpy as np
import pytest
from conftest import make_lines, train_sentencepiece
from pretrained_folders import BERT_TOKENS, END, write, write_gpt2, write_marian

import seq2seq
from seq2seq.cli import main
from seq2seq.files.pretrained_folder import find_model
from seq2seq.text import BOS, EOS, PAD, UNK
from seq2seq.text.pretrained_tokenizers import read_pretrained_tokenizer

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
safetensors = pytest.importorskip(
    "safetensors.numpy", reason="the extra `pretrained` is not installed"
)
pytest.importorskip("tokenizers", reason="the extra `pretrained` is not installed")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
LINES = ["hello, world", "我们去车站好吗", "low lower lowest"]
GPT2 = {
    "usual": {},
    "without a head": {"head": False},
    "untied": {"tie_word_embeddings": False},
    "shards": {"max_shard_size": "20KB"},
    "bfloat16": {"dtype": torch.bfloat16},
    "others": {"n_inner": 40, "activation_function": "relu", "layer_norm_epsilon": 1e-3},
}
MARIAN = {
    "usual": {},
    "without a head": {"head": False, "activation_function": "gelu"},
    "two embeddings": {"share_encoder_decoder_embeddings": False},
    "untied": {"tie_word_embeddings": False},
    "three of its own": {"share_encoder_decoder_embeddings": False, "tie_word_embeddings": False},
}


class Library:
    """A model of the library, whose results are told by our ids."""

    def __init__(self, folder, kind, model):
        self.model = model.eval().float()
        self.ids = np.array(read_pretrained_tokenizer(folder, kind, model.config.vocab_size)[1])
        self.ours = {theirs: i for i, theirs in enumerate(self.ids.tolist()) if i > BOS}

    def read(self, rows, **others):
        """Returns log probabilities `(batch, length, vocabulary)` after each of our ids."""
        others = {name: torch.tensor(self.ids[value]) for name, value in others.items()}
        outputs = self.model(torch.tensor(self.ids[rows]), **others)
        found = torch.log_softmax(outputs.logits.detach(), -1).numpy()
        return found[..., self.ids]

    def generate(self, row, **options):
        """Returns what is generated from a row of our ids."""
        found = self.model.generate(
            torch.tensor(self.ids[[row]]), do_sample=False, max_new_tokens=12, **options
        )
        start = 1 if self.model.config.is_encoder_decoder else len(row)
        return [
            [self.ours[i] for i in ids[start:] if i != self.model.config.pad_token_id]
            for ids in found.tolist()
        ]


def save_gpt2(folder, tokenizer, head=True, dtype=None, max_shard_size="1GB", **options):
    write_gpt2(folder, tokenizer)
    size = len(tokenizer.vocabulary) - 3
    torch.manual_seed(2)
    config = transformers.GPT2Config(
        vocab_size=size,
        bos_token_id=size - 1,
        eos_token_id=size - 1,
        **{"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 48, **options},
        initializer_range=0.3,
    )
    model = transformers.GPT2LMHeadModel(config).to(dtype=dtype)
    saved = model if head else model.transformer
    saved.save_pretrained(folder, max_shard_size=max_shard_size)
    return Library(folder, "gpt2", model)


@pytest.fixture(scope="module")
def byte_level():
    return seq2seq.ByteLevelTokenizer(320).adapt(make_lines(100))


@pytest.fixture(scope="module")
def gpt2(byte_level, tmp_path_factory):
    """A folder, its model of ours and the library's; not to be changed."""
    folder = tmp_path_factory.mktemp("gpt2")
    library = save_gpt2(folder, byte_level)
    return folder, seq2seq.load_model(folder), library


def save_marian(folder, pieces, head=True, **options):
    write_marian(folder, *pieces)
    size = len(json.loads((folder / "vocab.json").read_text(encoding="utf-8")))
    torch.manual_seed(5)
    config = transformers.MarianConfig(
        vocab_size=size,
        d_model=16,
        **{f"{side}_layers": 2 for side in ("encoder", "decoder")},
        **{f"{side}_attention_heads": 4 for side in ("encoder", "decoder")},
        **{f"{side}_ffn_dim": 24 for side in ("encoder", "decoder")},
        **{"activation_function": "swish", "max_position_embeddings": 40, **options},
        scale_embedding=True,
        pad_token_id=size - 1,
        decoder_start_token_id=size - 1,
        eos_token_id=0,
        forced_eos_token_id=None,
        init_std=0.6,
    )
    model = transformers.MarianMTModel(config)
    if head:
        torch.nn.init.normal_(model.final_logits_bias)
        model.final_logits_bias[0, 0] += 4  # some texts end
    (model if head else model.model).save_pretrained(folder)
    model.generation_config.bad_words_ids = [[1], [size - 1]]
    return Library(folder, "marian", model)


@pytest.fixture(scope="module")
def pieces(sentencepiece_model):
    target = train_sentencepiece(make_lines(200, seed=9), vocab_size=200, model_type="bpe")
    return sentencepiece_model, target


@pytest.fixture(scope="module")
def marian(pieces, tmp_path_factory):
    """A folder, its model of ours and the library's; not to be changed."""
    folder = tmp_path_factory.mktemp("marian")
    library = save_marian(folder, pieces)
    return folder, seq2seq.load_model(folder), library


def check_log_probabilities(probabilities, expected, library):
    """Compares predictions `(batch, length, vocabulary)` of the tokens that the folder has."""
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1, atol=1e-5)
    known = [*library.ours.values()]
    assert EOS in known
    np.testing.assert_allclose(np.log(probabilities[..., known]), expected[..., known], atol=1e-4)


def copy(folder, path, **changes):
    """Copies a folder, with other settings in its config."""
    shutil.copytree(folder, path, dirs_exist_ok=True)
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    return write(path, config_json={**config, **changes})


# GPT-2


@pytest.mark.parametrize("options", GPT2.values(), ids=GPT2)
def test_gpt2_predicts_what_the_librarys_does(options, byte_level, tmp_path):
    library = save_gpt2(tmp_path, byte_level, **options)
    assert (tmp_path / "model.safetensors").exists() == ("max_shard_size" not in options)
    model = seq2seq.load_model(tmp_path, seq2seq.TransformerLanguageModel)
    token_ids, _ = model.encode_rows([LINES[0]])
    probabilities = np.asarray(model(token_ids))
    check_log_probabilities(probabilities, library.read(token_ids), library)
    assert not probabilities[..., [PAD, UNK, BOS]].any()


def test_gpt2_writes_what_the_librarys_does(gpt2):
    _, model, library = gpt2
    rows = list(map(model.prompt_ids, LINES))
    expected = [[*row, *library.generate(row)[0]] for row in rows]
    assert model.generate(rows, 12) == expected
    sampler = seq2seq.BeamSearch(3, length_penalty=0.0, num_results=3)
    beams = model.generate(LINES, 12, sampler, return_details=True)
    options = {"num_beams": 3, "num_return_sequences": 3, "length_penalty": 0.0}
    for row, group in zip(rows, beams, strict=True):
        assert [one.ids for one in group] == library.generate(row, **options)


def test_gpt2_scores_as_the_librarys_does(gpt2):
    _, model, library = gpt2
    (details,) = model.generate([LINES[0]], 5, return_details=True)
    prompt, ids = model.prompt_ids(LINES[0]), details.ids
    scores = library.read([[*prompt, *ids[:-1]]])[0, len(prompt) - 1 :]
    np.testing.assert_allclose(details.token_scores, scores[range(len(ids)), ids], atol=1e-4)
    scores = library.read([[BOS, *prompt]])[0, range(len(prompt) + 1), [*prompt, EOS]]
    np.testing.assert_allclose(model.score([LINES[0]]), scores.sum(), atol=1e-3)


def save_chinese_gpt2(folder):
    write(folder, vocab_txt=BERT_TOKENS)
    config = transformers.GPT2Config(
        vocab_size=len(BERT_TOKENS),
        n_positions=24,
        n_embd=8,
        n_layer=1,
        n_head=2,
        initializer_range=0.3,
    )
    torch.manual_seed(4)
    library = transformers.GPT2LMHeadModel(config)
    library.save_pretrained(folder)
    return folder, library


def test_chinese_gpt2_reads_prompts_as_the_librarys_does(tmp_path):
    library = save_chinese_gpt2(tmp_path)[1]
    model = seq2seq.load_model(tmp_path)
    assert type(model.tokenizer) is seq2seq.WordPieceTokenizer
    library = Library(tmp_path, "gpt2", library)
    row = model.prompt_ids("你a你")
    banned = {"bad_words_ids": [[i] for i in (0, 2, 3)], "eos_token_id": 4}
    assert model.generate([row], 12) == [[*row, *library.generate(row, **banned)[0]]]


# Marian


@pytest.mark.parametrize("options", MARIAN.values(), ids=MARIAN)
def test_marian_predicts_what_the_librarys_does(options, pieces, tmp_path):
    library = save_marian(tmp_path, pieces, **options)
    model = seq2seq.load_model(tmp_path, seq2seq.Transformer)
    (source_ids, target_ids), _ = model.encode_pairs(LINES[:1], LINES[1:2])
    probabilities = np.asarray(model([source_ids, target_ids]))
    expected = library.read(source_ids, decoder_input_ids=target_ids)
    check_log_probabilities(probabilities, expected, library)
    np.testing.assert_allclose(
        np.log(probabilities[..., [UNK, BOS]]), expected[..., [UNK, BOS]], atol=1e-4
    )
    assert not probabilities[..., PAD].any()
    assert model.tie_output == options.get("tie_word_embeddings", True)


def test_marian_writes_what_the_librarys_does(marian):
    _, model, library = marian
    rows = model.make_rows("source", LINES)
    expected = [library.generate(row)[0] for row in rows]
    assert model.generate(rows, 12) == expected
    assert {EOS in ids for ids in expected} == {True, False}
    sampler = seq2seq.BeamSearch(3, length_penalty=0.0, num_results=3)
    options = {"num_beams": 3, "num_return_sequences": 3, "length_penalty": 0.0}
    assert model.generate(rows, 12, sampler) == [library.generate(row, **options) for row in rows]


# BERT


def save_bert(folder, kind, **options):
    write(folder, vocab_txt=BERT_TOKENS)
    torch.manual_seed(6)
    config = transformers.BertConfig(
        vocab_size=len(BERT_TOKENS) + 1,  # a row without a token
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=24,
        max_position_embeddings=20,
        layer_norm_eps=1e-5,
        initializer_range=0.3,
        **options,
    )
    library = getattr(transformers, kind)(config)
    library.save_pretrained(folder)
    return Library(folder, "bert", library)


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    library = save_bert(folder, "BertForPreTraining")
    return folder, seq2seq.load_model(folder), library


@pytest.mark.parametrize("kind", ["BertForPreTraining", "BertForMaskedLM", "BertModel"])
@pytest.mark.parametrize("activation", ["gelu", "gelu_new"])
def test_bert_predicts_what_the_librarys_does(kind, activation, tmp_path):
    library = save_bert(tmp_path, kind, hidden_act=activation)
    model = seq2seq.load_model(tmp_path, seq2seq.MaskedLanguageModel)
    token_ids = np.array([[BOS, 6, model.mask_id, 8, 7, EOS], [BOS, 7, EOS, 8, EOS, PAD]])
    places = np.array([[1, 2], [3, 1]])
    expected = library.model(
        torch.tensor(library.ids[token_ids]),
        attention_mask=torch.tensor(token_ids != PAD),
        token_type_ids=torch.tensor([[0] * 6, [0, 0, 0, 1, 1, 0]]),
        output_hidden_states=True,
    )
    vectors, read = (np.asarray(found) for found in model.read_tokens(token_ids))
    hidden = expected.hidden_states[-1].detach().numpy()
    np.testing.assert_allclose(vectors[read], hidden[read], atol=1e-4)
    found = model([token_ids, places])
    if kind != "BertModel":
        logits = expected.logits if kind == "BertForMaskedLM" else expected.prediction_logits
        tokens = torch.log_softmax(logits.detach(), -1).numpy()[[[0], [1]], places]
        np.testing.assert_allclose(np.log(found["tokens"]), tokens[..., library.ids], atol=1e-4)
    if kind == "BertForPreTraining":
        following = torch.softmax(expected.seq_relationship_logits.detach(), -1)
        np.testing.assert_allclose(found["next_sentence"], following, atol=1e-5)


def test_bert_fills_in_tokens_also_from_its_file(bert, tmp_path):
    folder, model, _ = bert
    model.save(tmp_path / "m.keras")
    filled = seq2seq.load_model(tmp_path / "m.keras").fill("a[MASK]你")
    assert filled == model.fill("a[MASK]你")
    path = copy(folder, tmp_path / "copy")
    write(path, vocab_txt=[token for token in BERT_TOKENS if token != "[MASK]"])
    with pytest.raises(ValueError, match=r"no \[MASK\]"):
        seq2seq.load_model(path)


# As our own


@pytest.mark.parametrize("kind", ["gpt2", "marian"])
@pytest.mark.neutral
def test_they_are_saved_and_exported(kind, request, tmp_path):
    pytest.importorskip("onnxruntime")
    _, model, _ = request.getfixturevalue(kind)
    model.save(tmp_path / "m.keras")
    model.export(tmp_path / "exported", verbose=False)
    pairs = [LINES] if kind == "gpt2" else [LINES, LINES]
    for path in (tmp_path / "m.keras", tmp_path / "exported"):
        other = seq2seq.load_model(path)
        assert other.generate(LINES, 12) == model.generate(LINES, 12)
        assert "".join(other.generate(LINES[0], 12, stream=True)) == model.generate(LINES[0], 12)
        np.testing.assert_allclose(other.score(*pairs), model.score(*pairs), rtol=1e-4)


@pytest.mark.parametrize("kind", ["gpt2", "marian"])
def test_they_are_trained_further(kind, request):
    folder, _, _ = request.getfixturevalue(kind)
    keras.utils.set_random_seed(3)
    model = seq2seq.load_model(folder)
    model.optimizer.learning_rate = 0.01
    pairs = [LINES] if kind == "gpt2" else [LINES, LINES]
    history = model.fit(*pairs, epochs=10, verbose=0)
    assert history.history["loss"][-1] < 0.8 * history.history["loss"][0]


@pytest.mark.neutral
def test_a_server_continues_prompts_as_the_model_does(gpt2, tmp_path):
    pytest.importorskip("onnxruntime")
    testclient = pytest.importorskip("fastapi.testclient", reason="fastapi is not installed")
    from seq2seq.serving.application import create_application

    _, model, _ = gpt2
    model.export(tmp_path / "exported", verbose=False)
    exported = seq2seq.load_model(tmp_path / "exported")
    application = create_application({"gpt2": exported}, any_host=True)
    with testclient.TestClient(application) as client:
        body = {"model": "gpt2", "prompt": LINES[0], "temperature": 0, "max_tokens": 8}
        answer = client.post("/v1/completions", json={**body, "logprobs": 1}).json()
    (details,) = model.generate([LINES[0]], 8, return_details=True)
    (choice,) = answer["choices"]
    assert LINES[0] + choice["text"] == details.text
    np.testing.assert_allclose(
        choice["logprobs"]["token_logprobs"], details.token_scores, atol=1e-3
    )
    assert answer["usage"]["prompt_tokens"] == len(model.prompt_ids(LINES[0]))


# By name, and on the command line


@pytest.mark.parametrize("variable", ["HF_HUB_CACHE", "HF_HOME"])
@pytest.mark.neutral
def test_a_model_in_the_cache_is_found_by_its_name(variable, gpt2, tmp_path, monkeypatch, capsys):
    for name in ("HF_HUB_CACHE", "HF_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    cache = tmp_path / "hub" if variable == "HF_HOME" else tmp_path
    model = cache / "models--uer--gpt2-chinese"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("0a1b")
    with pytest.raises(ValueError, match=r"path of a model\. Received: ''"):
        find_model("")
    with pytest.raises(ValueError, match=rf"gpt2-chinese, which does not exist.* in {cache} eit"):
        find_model("uer/gpt2-chinese")
    shutil.copytree(gpt2[0], model / "snapshots" / "0a1b")
    assert find_model("uer/gpt2-chinese") == model / "snapshots" / "0a1b"
    assert main(["inspect", "uer/gpt2-chinese"]) == 0
    assert "scale_attn_by_inverse_layer_idx False" in capsys.readouterr().out
    found = seq2seq.load_model("uer/gpt2-chinese")
    assert found.generate(LINES[0], 5) == gpt2[1].generate(LINES[0], 5)


@pytest.mark.neutral
def test_the_command_line_takes_pretrained_folders(gpt2, tmp_path, capsys):
    folder, model, _ = gpt2
    expected = model.generate(LINES[0], 5)
    assert main(["convert", str(folder), str(tmp_path / "m.keras")]) == 0
    assert capsys.readouterr().out.endswith(
        f"m.keras: a TransformerLanguageModel of {model.count_params():,} weights.\n"
    )
    assert main(["convert", str(folder), str(tmp_path / "m.keras")]) == 1
    assert "Expected --overwrite, because" in capsys.readouterr().err
    assert main(["convert", str(folder), str(tmp_path / "m.keras"), "--overwrite"]) == 0
    capsys.readouterr()
    for path in (folder, tmp_path / "m.keras"):
        assert main(["generate", str(path), "--text", LINES[0], "--max-length", "5"]) == 0
        assert capsys.readouterr().out == expected + "\n"


@pytest.mark.parametrize("command", ["generate", "evaluate", "export", "convert"])
@pytest.mark.neutral
def test_the_command_line_names_a_mistake(command, gpt2, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    more = {"evaluate": [str(gpt2[0] / "merges.txt")], "export": [str(tmp_path / "out")]}
    more["convert"] = [str(tmp_path / "m.keras")]
    for path, words in (
        (copy(gpt2[0], tmp_path / "other", n_layer=0), "`n_layer in "),
        (tmp_path / "none", "which does not exist"),
        (tmp_path / "empty", "Received"),
    ):
        assert main([command, str(path), *more.get(command, [])]) == 1
        assert words in capsys.readouterr().err


def rename(path, names):
    """Gives tensors of a folder other names."""
    file = path / "model.safetensors"
    tensors = safetensors.load_file(file)
    assert names.keys() <= tensors.keys()
    safetensors.save_file({names.get(name, name): x for name, x in tensors.items()}, file)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("gpt2", {"transformer.wte.weight": "lm_head.weight"}),
        ("marian", {"model.shared.weight": "lm_head.weight"}),
        ("bert", {"cls.predictions.bias": "cls.predictions.decoder.bias"}),
    ],
)
def test_weights_of_two_names_may_have_either(kind, names, request, tmp_path):
    folder, model, _ = request.getfixturevalue(kind)
    path = copy(folder, tmp_path)
    rename(path, names)
    for found, expected in zip(seq2seq.load_model(path).weights, model.weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def write_template(path, begins, ends=()):
    """Writes the `tokenizer.json` of a folder that has its tokens elsewhere too."""
    ids = json.loads((path / "vocab.json").read_text(encoding="utf-8"))
    template = {
        "type": "TemplateProcessing",
        "single": [
            *({"SpecialToken": {"id": token, "type_id": 0}} for token in begins),
            {"Sequence": {"id": "A", "type_id": 0}},
            *({"SpecialToken": {"id": token, "type_id": 0}} for token in ends),
        ],
        "special_tokens": {token: {"ids": [ids[token]]} for token in (*begins, *ends)},
    }
    processors = [{"type": "ByteLevel"}, template]
    write(path, tokenizer_json={"post_processor": {"type": "Sequence", "processors": processors}})


def test_prompts_begin_as_the_folder_says(gpt2, tmp_path):
    path = copy(gpt2[0], tmp_path)
    write(path, tokenizer_config_json={"add_bos_token": True})
    assert seq2seq.load_model(path).begin_prompts and not gpt2[1].begin_prompts
    write_template(path, [END])
    write(path, tokenizer_config_json={"add_bos_token": False})
    assert not seq2seq.load_model(path).begin_prompts
    write(path, tokenizer_config_json={})
    assert seq2seq.load_model(path).begin_prompts
    write_template(path, [END], [END])
    with pytest.warns(UserWarning, match="ends every text with the tokens"):
        assert seq2seq.load_model(path).begin_prompts
    processor = {"type": "RobertaProcessing", "sep": ["!", 1], "cls": ["!", 1]}
    for change in (
        lambda: write_template(path, ["!"]),
        lambda: write_template(path, [END, END]),
        lambda: write(path, tokenizer_json={"post_processor": processor}),
        lambda: write(path, tokenizer_json={"post_processor": {"type": "Other"}}),
    ):
        change()
        with pytest.raises(ValueError, match=r"tokenizer\.json"):
            seq2seq.load_model(path)


def test_prompts_begin_as_the_library_wrote_it(gpt2, tmp_path):
    path = copy(gpt2[0], tmp_path)
    theirs = transformers.GPT2Tokenizer.from_pretrained(path, add_bos_token=True)
    theirs.save_pretrained(path)
    model = seq2seq.load_model(path)
    row = model.prompt_ids(LINES[0])
    begun = [BOS, *row] if model.begin_prompts else row
    assert [gpt2[2].ids[i] for i in begun] == theirs(LINES[0])["input_ids"]


def test_a_prompt_of_chinese_gpt2_begins_without_berts_template(tmp_path):
    path = save_chinese_gpt2(tmp_path)[0]
    transformers.BertTokenizerFast(str(path / "vocab.txt")).save_pretrained(path)
    assert "[CLS]" in json.dumps(
        json.loads((path / "tokenizer.json").read_text())["post_processor"]
    )
    assert not seq2seq.load_model(path).begin_prompts


def test_a_folder_without_an_end_of_texts_is_refused(tmp_path):
    path = save_chinese_gpt2(tmp_path)[0]
    write(path, vocab_txt=[token if token != "[SEP]" else "b" for token in BERT_TOKENS])
    with pytest.raises(ValueError, match=r"eos_token_id=50256.*eos_token_id in config\.json"):
        seq2seq.load_model(path)
    for name in ("config", "generation_config"):
        settings = json.loads((path / f"{name}.json").read_text())
        write(path, **{f"{name}_json": {**settings, "eos_token_id": 1}})
    assert seq2seq.load_model(path).perplexity(["a"]) < 1e3


@pytest.mark.neutral
def test_weights_that_are_left_out_are_told(gpt2, marian, bert, tmp_path):
    unneeded = {
        "gpt2": ["transformer.h.0.attn.bias", "h.1.attn.masked_bias", "lm_head.weight"],
        "marian": ["model.encoder.embed_positions.weight", "model.decoder.embed_tokens.weight"],
        "bert": ["bert.embeddings.position_ids", "cls.predictions.decoder.weight"],
    }
    for (kind, names), (folder, *_) in zip(unneeded.items(), (gpt2, marian, bert), strict=True):
        path = copy(folder, tmp_path / kind)
        add_weights(path, names)
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            seq2seq.load_model(path)
    add_weights(path, ["classifier.weight", "classifier.bias"])
    with pytest.warns(UserWarning, match=r"2 weight.* out: classifier\.bias, classifier\.weight\."):
        seq2seq.load_model(path)
    path = copy(marian[0], path, encoder_layers=1, decoder_layers=1)
    with pytest.raises(ValueError, match="its encoder_layers is 1, but its weights are of 2"):
        seq2seq.load_model(path)


def add_weights(path, names):
    """Adds tensors to a folder."""
    file = path / "model.safetensors"
    added = {name: np.zeros(1, "float32") for name in names}
    safetensors.save_file(safetensors.load_file(file) | added, file)


@pytest.mark.parametrize(
    ("kind", "name"), [("gpt2", "embd_pdrop"), ("marian", "activation_dropout")]
)
@pytest.mark.neutral
def test_dropout_that_we_lack_is_told(kind, name, request, tmp_path):
    path = copy(request.getfixturevalue(kind)[0], tmp_path, **{name: 0.5})
    with pytest.warns(UserWarning, match=f"{name}=0.5"):
        seq2seq.load_model(path)
    copy(request.getfixturevalue(kind)[0], path, **{name: 0.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        seq2seq.load_model(path)


@pytest.mark.parametrize(
    "settings", [{"repetition_penalty": 1.2}, {"min_length": 5, "bad_words_ids": [[7]]}]
)
def test_settings_that_change_what_the_library_writes_are_told(settings, gpt2, tmp_path):
    path = copy(gpt2[0], tmp_path, **settings)
    told = ", ".join(f"{name}={settings[name]}" for name in sorted(settings))
    with pytest.warns(UserWarning, match=re.escape(told)):
        seq2seq.load_model(path)


def test_an_option_that_no_model_has_is_told_with_its_file(byte_level, tmp_path):
    save_gpt2(tmp_path, byte_level, n_positions=1)
    with pytest.raises(ValueError, match=r"config\.json .*`window`"):
        seq2seq.load_model(tmp_path)


def test_a_head_that_is_left_out_is_told(bert, tmp_path):
    path = copy(bert[0], tmp_path, architectures=["BertForSequenceClassification"])
    with pytest.warns(
        UserWarning, match="BertForSequenceClassification, read as a BertForPreTraining"
    ):
        seq2seq.load_model(path)


@pytest.mark.neutral
def test_the_command_line_inspects_pretrained_folders(bert, capsys):
    assert main(["inspect", str(bert[0])]) == 0
    assert "max_position_embeddings   20" in capsys.readouterr().out


# Mistakes


SETTINGS = {
    "gpt2": {
        "scale_attn_weights": False,
        "scale_attn_by_inverse_layer_idx": True,
        "add_cross_attention": True,
        "activation_function": "tanh",
        "model_type": ["gpt2"],
        "n_embd": "16",
        "n_inner": -5,
        "n_layer": 0,
        "n_head": 3,
        "resid_pdrop": None,
        "tie_word_embeddings": "false",
        "layer_norm_epsilon": 0,
        "vocab_size": 10**12,
    },
    "marian": {
        "scale_embedding": False,
        "decoder_layers": 1,
        "decoder_ffn_dim": 48,
        "decoder_attention_heads": 2,
        "decoder_vocab_size": 10,
    },
    "bert": {
        "type_vocab_size": 1,
        "position_embedding_type": "relative_key",
        "is_decoder": True,
        "add_cross_attention": True,
        "tie_word_embeddings": False,
    },
}


@pytest.mark.parametrize("kind", SETTINGS)
@pytest.mark.neutral
def test_settings_that_we_lack_are_refused_by_name(kind, request, tmp_path):
    folder, _, _ = request.getfixturevalue(kind)
    for name, value in SETTINGS[kind].items():
        path = copy(folder, tmp_path, **{name: value})
        with pytest.raises(
            ValueError, match=rf"{name}.* Received: .*{re.escape(repr(value))}"
        ) as error:
            seq2seq.load_model(path)
        assert str(path / "config.json") in str(error.value)


@pytest.mark.neutral
def test_missing_and_broken_weights_are_named(gpt2, byte_level, tmp_path):
    def fails(words):
        with pytest.raises(ValueError, match=words) as raised:
            seq2seq.load_model(path)
        assert "\n" not in str(raised.value)

    path = copy(gpt2[0], tmp_path / "a", n_layer=1)
    fails(r"config\.json .*its n_layer is 1, but its weights are of 2 blocks")
    copy(gpt2[0], path, n_layer=3)
    fails(r"no weights called h\.2\.")
    copy(gpt2[0], path, n_positions=50)
    fails(r"wpe\.weight is of shape \(48, 16\), by its config of \(50, 16\)")
    copy(gpt2[0], path, vocab_size=10)
    fails("beyond the 10 rows")
    content = (path / "model.safetensors").read_bytes()
    for part in (content[:-100], content[:100], b"version https://git-lfs.github.com/spec/v1"):
        (path / "model.safetensors").write_bytes(part)
        fails(r"model\.safetensors .*broken")
    (path / "model.safetensors").unlink()
    fails(r"model\.safetensors .*No such file")
    (path / "pytorch_model.bin").write_bytes(b"")
    fails(r"AutoModelForCausalLM\.from_pretrained\('.*a'\)\.save_pretrained\('.*a'\)")
    (path / "config.json").unlink()
    fails(r"config\.json .*No such file")
    path = tmp_path / "b"
    path.mkdir()
    save_gpt2(path, byte_level, max_shard_size="20KB")
    (path / "merges.txt").rename(path / "m")
    fails(r"merges\.txt")
    (path / "m").rename(path / "merges.txt")
    shard = max(path.glob("model-*.safetensors"))
    shard.unlink()
    fails(shard.name)
    for places in ({}, {"wte.weight": "../a/model.safetensors"}, []):
        write(path, **{"model.safetensors.index_json": {"weight_map": places}})
        fails(r"index\.json .*does not name")


def test_a_package_that_is_missing_is_named(gpt2, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r'pip install "keras-seq2seq\[pretrained\]"'):
        seq2seq.load_model(gpt2[0])
