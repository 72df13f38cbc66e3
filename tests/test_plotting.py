"""Pictures, drawn without a screen."""

import json
import pickle

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest
from conftest import ENGLISH

matplotlib.use("Agg")

import seq2seq
from seq2seq.generation.result import Generation, Generations
from seq2seq.plotting import plot_attention, plot_history

pytestmark = pytest.mark.neutral


def make_generation(**changes):
    values = {
        "text": "a<b",
        "tokens": ["a", "<b"],
        "ids": [4, 5, 3],
        "score": -1.5,
        "normalised_score": -1.1,
        "token_scores": np.log([0.5, 0.9, 0.5]),
        "alternatives": [[("a", 0.5), ("c", 0.2)]] * 3,
        "attention": np.full((3, 2), 0.5),
        "source_tokens": ["x", "[EOS]"],
    }
    return Generation(**{**values, **changes})


def test_the_attention_is_drawn_with_its_tokens():
    ax = plot_attention(make_generation())
    assert [label.get_text() for label in ax.get_xticklabels()] == ["x", "[EOS]"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "<b", "[EOS]"]
    np.testing.assert_allclose(ax.images[0].get_array(), 0.5)


def test_a_dollar_sign_begins_no_formula():
    ax = plot_attention(make_generation(tokens=["$", "$$"]))
    ax.figure.canvas.draw()
    assert ax.get_yticklabels()[0].get_text() == r"\$"


def test_a_list_is_no_generation():
    with pytest.raises(ValueError, match="one Generation"):
        plot_attention([make_generation()])


def test_without_attention_it_says_so():
    with pytest.raises(ValueError, match="without"):
        plot_attention(make_generation(attention=None))


def test_chinese_is_drawn_with_a_font_or_a_hint(recwarn):
    plot_attention(make_generation(tokens=["你", "好"]))
    fonts = matplotlib.rcParams["font.family"]
    hints = [warning for warning in recwarn if "No Chinese font" in str(warning.message)]
    assert len(fonts) > 1 or len(hints) == 1


def test_axes_made_before_get_the_font_too(monkeypatch):
    monkeypatch.setattr("seq2seq.plotting.CHINESE_FONTS", ("DejaVu Serif",))
    with matplotlib.rc_context({"font.family": ["DejaVu Sans"]}):
        _, ax = matplotlib.pyplot.subplots()
        plot_attention(make_generation(tokens=["你", "好"]), ax)
        assert ax.get_yticklabels()[0].get_fontfamily()[0] == "DejaVu Serif"


def test_the_curves_stand_beside_their_validation():
    history = {"loss": [2, 1], "perplexity": [9, 5], "val_perplexity": [8, 6]}
    (ax,) = plot_history(history)
    assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    with pytest.raises(ValueError, match="loss"):
        plot_history(history, metrics=("bleu",))


def test_the_notebook_view_shades_tokens_and_escapes_them():
    view = make_generation()._repr_html_()
    assert "&lt;b" in view and "<b" not in view.replace("<br", "")
    assert "a 0.50, c 0.20" in view and "<table>" in view
    assert "<table>" not in make_generation(attention=None)._repr_html_()


def test_generations_can_be_compared():
    generation = make_generation()
    assert generation == generation and generation in {generation}
    assert generation != make_generation()


def test_each_id_has_a_label():
    assert make_generation().labels == ["a", "<b", "[EOS]"]
    assert make_generation(tokens=[], ids=[3]).labels == ["[EOS]"]
    assert make_generation(tokens=None, ids=[4, 3]).labels == ["4", "3"]


def test_a_list_of_generations_is_shown_as_one_table():
    one, other = make_generation(), make_generation(source_tokens=["<b>", "[EOS]"], attention=None)
    results = Generations([one, [one, other]])
    view = results._repr_html_()
    assert view.count("<table>") == 1 and view.count("<td>&lt;b&gt; [EOS]</td>") == 1
    assert view.count(one.shaded_tokens()) == 3 and view.count("<tr>") == 1 + 3
    assert "more" not in view and "and 5 more" in Generations([one] * 105)._repr_html_()


def test_a_list_of_generations_is_a_list():
    results = Generations([make_generation(), make_generation()])
    assert results == list(results) and isinstance(results[:1], Generations)
    assert [result.text for result in pickle.loads(pickle.dumps(results))] == [
        result.text for result in results
    ]
    assert json.dumps(Generations(["a"])) == '["a"]'


def test_only_details_come_in_such_a_list(trained):
    assert type(trained.generate(ENGLISH)) is list
    assert type(trained.generate(ENGLISH, return_details=True)) is Generations
    beam = seq2seq.BeamSearch(num_results=2)
    assert type(trained.generate(ENGLISH[0], sampler=beam, return_details=True)) is Generations
