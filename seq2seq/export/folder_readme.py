"""The README of an exported folder."""

from collections.abc import Sequence
from typing import NamedTuple

CALLS = {
    "translate": 'generate(["..."], sampler="beam")',
    "language-model": 'generate("...", sampler="sample")',
    "classify": 'classify(["..."])',
    "fill": 'fill("... [MASK] ...")',
}
SLOTTED = " of a Transformer"
LIMITS = ("max_source_length", "max_target_length", "max_length", "window")  # options
STEPS = {
    "translate": """\
1. Encode the source to ids and append 3 (the end). Run `encoder_model{end}` once.
2. Run `decoder_model{end}` with `token_ids` = 2 (the beginning) for every row, and the states and
   the memory of the encoder.
3. Choose a token from `scores` (never 0, 1 or 2; the largest is greedy search). Run the decoder
   again with it and with each `next_state_i` as `state_i`, until the token is 3. The memory stays
   as it is. Several rows, next to each other, may share a row of the memory.
{scores}""",
    "language-model": """\
1. Encode the prompt to ids, {begin}. Run `encoder_model{end}` with all but
   the last of them; where none is left, the states are zeros.
2. Run `decoder_model{end}` with the last id and the states. Choose a token from `scores` (never 0,
   1 or 2). Run the decoder again with it and with each `next_state_i` as `state_i`, until the token
   is 3 (the end).
{scores}""",
    "classify": """\
Encode the text to ids and append 3 (the end); pad shorter rows with 0 on the right. The
`probabilities` are in the order of `labels` in `settings.json`.
""",
    "fill": """\
Encode the text to ids, 2 (the beginning) before it and 3 (the end) after it, with the id of the
mask for each token to be filled in: that of `[MASK]` in the vocabulary or, where it has none, the
id after its last. Give their positions in the row as `places`, both padded with 0 on the right. The
`probabilities` are those of the tokens there; `next_sentence` tells whether a second text, after
the first 3 and with a 3 at its end, follows the first (index 0) or not.
""",
    f"translate{SLOTTED}": """\
1. Encode the source to ids and append 3 (the end). Run `encoder_model{end}` once: it returns the
   memory. The states are zeros, with as many slots as tokens may come.
2. Run `decoder_model{end}` with `token_ids` = 2 (the beginning) and `positions` = 0 for every row,
   the states and the memory. Write each `new_state_i[row, :, 0]` to
   `state_i[row, :, positions[row]]`.
3. Choose a token from `scores` (never 0, 1 or 2; the largest is greedy search). Run the decoder
   again with it and with `positions` one higher, until the token is 3. The memory stays as it is.
   Several rows, next to each other, may share a row of the memory.
{scores}""",
    f"language-model{SLOTTED}": """\
1. Encode the prompt to ids, {begin}. Run `encoder_model{end}` with all of
   them: it returns the memory. The states are zeros, with as many slots as tokens may come.
2. Run `decoder_model{end}` with the last id, `positions` = 0, the states and the memory. Write each
   `new_state_i[row, :, 0]` to `state_i[row, :, positions[row]]`. Choose a token from `scores`
   (never 0, 1 or 2). Run the decoder again with it and with `positions` one higher, until the token
   is 3 (the end).
{scores}""",
}
BEFORE = {  # what `generate` does beside the steps
    "translate": "An empty source has an empty target, for which nothing is run.\n\n",
    "language-model": "`generate` returns the prompt with what follows it.\n\n",
}
SCORES = """
`scores` are not normalised: a softmax makes probabilities of them. A beam adds up the logarithms of
these, and takes the rows of all states in the order of the hypotheses that go on.
"""
FEW = """
`few` must be given, 0 if it is not wanted; shorter rows are padded with 0 on the right. With `few`
above 0 the decoder returns that many best tokens too, `best_ids`, and their log
probabilities, `best`. With `few` = 4 the first of them above 2 is greedy search. For that pass
`normalise` = false: it may be left out, but then all scores are normalised first. (Where a warning
says that `normalise` "will not be treated as constant", that is meant.)
"""


class Runtime(NamedTuple):
    """What runs a folder's graphs.

    Attributes:
        name: Its name.
        package: Its package for Python.
        suffix: How the names of graphs end.
        note: What else is to be known of them.
    """

    name: str
    package: str
    suffix: str
    note: str = ""


ONNX_RUNTIME = Runtime("ONNX Runtime", "onnxruntime", ".onnx")


def describe_folder(
    settings: dict, graphs: dict, runtime: Runtime = ONNX_RUNTIME, packages: Sequence[str] = ()
) -> str:
    """Returns the README of an exported folder.

    Args:
        settings: The content of `settings.json`.
        graphs: The graphs by name, as `onnx.ModelProto`s.
        runtime: What runs them.
        packages: What its tokenizers need besides. Defaults to nothing.
    """
    task = settings["task"]
    tables = "\n".join(
        _describe_graph(f"{name}{runtime.suffix}", graph) for name, graph in graphs.items()
    )
    scores = SCORES + (FEW if "`few`" in tables else "")
    kind = task + (SLOTTED if "`positions`" in tables else "")
    begins = settings["options"].get("begin_prompts", True)
    begin = "with 2 (the beginning) in front" if begins else "or 2 (the beginning) if it is empty"
    needed = ", ".join(f"`{name}`" for name in ("numpy", runtime.package, *packages))
    steps = STEPS[kind].format(scores=scores, end=runtime.suffix, begin=begin)
    return f"""# An exported {settings["class"]}

Written by seq2seq {settings["seq2seq"]}. In Python, with the packages {needed}:

```python
import seq2seq

model = seq2seq.load_model("path/to/this/folder")
model.{CALLS[task]}
```

It has the methods for texts of the model it came from. `settings.json` holds its settings and what
it was trained on; the tokenizers' files hold their vocabularies (`vocabulary` begins with id 4; 0
is padding, 1 unknown, 2 the beginning, 3 the end). Nothing here is a program.

## In other languages, with {runtime.name}{runtime.note}

{BEFORE.get(task, "")}{steps}{_describe_positions(settings["options"])}
{tables}"""


def _describe_positions(options):
    """Tells how many positions a Transformer has learned, which its graphs do not check."""
    begun = options.get("encoder")  # a classifier's, which puts the beginning before a row itself
    options = begun or options
    if options.get("positions") != "learned":
        return ""
    known = ", ".join(f"`{name}` = {options[name]}" for name in LIMITS if name in options)
    known += ", one for the beginning, which the graph adds" if begun else ""
    return f"""
It has learned positions for rows of so many ids, all special ones counted: {known}.
Longer rows give wrong results, which nothing tells.
"""


def _describe_graph(name, graph):
    lines = [f"`{name}`", "", "| | name | type | shape |", "| --- | --- | --- | --- |"]
    for kind, tensors in (("input", graph.graph.input), ("output", graph.graph.output)):
        lines += [f"| {kind} | `{tensor.name}` | {_type(tensor)} |" for tensor in tensors]
    return "\n".join(lines) + "\n"


def _type(tensor):
    from onnx import TensorProto

    kind = tensor.type.tensor_type
    axes = [axis.dim_param or axis.dim_value or "?" for axis in kind.shape.dim]
    name = TensorProto.DataType.Name(kind.elem_type).lower().replace("float", "float32")
    return f"{name} | ({', '.join(map(str, axes))})"
