"""From generated ids to `Generation` objects: tokens, scores, alternatives, attention."""

from seq2seq.generation.result import Generation
from seq2seq.text.vocabulary import EOS, UNK


def describe_results(model, rows, results, sampler, batch_size) -> list[list[Generation]]:
    """Looks at generated rows once more, with teacher forcing.

    Args:
        model: The `Seq2Seq` that generated them.
        rows: Rows of source ids.
        results: For each row a list of hypotheses, rows of target ids.
        sampler: The sampler that chose them.
        batch_size: Pairs looked at together.

    Returns:
        The results as `Generation` objects.
    """
    pairs = [(row, ids) for row, group in zip(rows, results, strict=True) for ids in group]
    details = model.generator.details(
        [row for row, _ in pairs], [ids for _, ids in pairs], batch_size
    )
    described = iter(
        _generation(model, row, ids, sampler, detail)
        for (row, ids), detail in zip(pairs, details, strict=True)
    )
    return [[next(described) for _ in group] for group in results]


def _generation(model, row, ids, sampler, detail):
    tokenizer = model.target_tokenizer
    score = float(detail["scores"].sum())
    source_tokens = _tokens(model.source_tokenizer, row)
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
