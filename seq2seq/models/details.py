"""From generated ids to `Generation` objects: tokens, scores, alternatives, attention."""

from seq2seq.generation.result import Generation
from seq2seq.text.vocabulary import EOS, UNK


def describe_results(model, rows, texts, results, sampler, batch_size) -> list[list[Generation]]:
    """Looks at generated rows once more, with teacher forcing.

    Args:
        model: The `Seq2Seq` that generated them.
        rows: Rows of source ids.
        texts: Their texts, or `None` if ids were given.
        results: For each row a list of hypotheses, rows of target ids.
        sampler: The sampler that chose them.
        batch_size: Pairs looked at together.

    Returns:
        The results as `Generation` objects.
    """
    pairs = [(row, ids) for row, group in zip(rows, results, strict=True) for ids in group]
    details = model.teacher_forcing.details(
        [row for row, _ in pairs], [ids for _, ids in pairs], batch_size
    )
    details = iter(details)
    described = []
    for i, (row, group) in enumerate(zip(rows, results, strict=True)):
        source_tokens = _source_tokens(model, row, texts and texts[i])
        described.append(
            [_generation(model, source_tokens, ids, sampler, next(details)) for ids in group]
        )
    return described


def _source_tokens(model, row, text):
    """Returns the tokens of a source, unknown ones as they stand in its text."""
    tokens = _tokens(model.source_tokenizer, row)
    if text is not None:
        tokens[:-1] = model.source_tokenizer.tokenize(text)[: len(row) - 1]
    return tokens


def _generation(model, source_tokens, ids, sampler, detail):
    tokenizer = model.target_tokenizer
    score = float(detail["scores"].sum())
    tokens = text = None
    if tokenizer is not None:
        tokens = _tokens(tokenizer, [i for i in ids if i != EOS])
        for place, i in enumerate(ids):
            if i == UNK:  # only with replace_unknown; the last source token is EOS
                tokens[place] = source_tokens[int(detail["attention"][place, :-1].argmax())]
        text = tokenizer.detokenize(tokens)
    return Generation(
        text=text,
        tokens=tokens,
        ids=ids,
        score=score,
        normalised_score=sampler.normalise(score, len(ids)),
        token_scores=detail["scores"],
        alternatives=[
            list(zip(_tokens(tokenizer, best), shares.tolist(), strict=True))
            for best, shares in zip(detail["ids"], detail["probabilities"], strict=True)
        ],
        attention=detail.get("attention"),
        source_tokens=source_tokens,
    )


def _tokens(tokenizer, ids):
    return [int(i) for i in ids] if tokenizer is None else tokenizer.vocabulary.tokens(ids)
