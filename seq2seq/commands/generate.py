"""The command `generate`."""

import json
import sys
from collections.abc import Iterator

from seq2seq.commands.sampler_options import make_sampler, refuse_sampler
from seq2seq.data.corpus import clean_text, decode_utf8, read_lines, split_lines
from seq2seq.files.loading import load_model
from seq2seq.progress import Progress

BLOCK = 1024  # input lines processed and printed at a time


def generate(options) -> None:
    """Generates a line for each line of input; with a classifier, the line's label."""
    arguments = {"sampler": make_sampler(options), "max_length": options.max_length}
    model = load_model(options.model)
    if not model.uses_sampler:
        refuse_sampler(options)
        arguments = {}
    # Where results go to a file, somebody at a terminal sees how far they are.
    watched = sys.stderr.isatty() and not sys.stdout.isatty()
    progress = Progress(None, int(watched), sys.stderr)
    for texts in _input(options):
        responses = model.respond(
            texts, batch_size=options.batch_size, verbose=progress, **arguments
        )
        progress.close()  # the results are printed now
        for text, (line, record) in zip(texts, responses, strict=True):
            row = {"source": text, **record}
            print(json.dumps(row, ensure_ascii=False) if options.json else line)
        sys.stdout.flush()
        if "sampler" in arguments:
            arguments["sampler"].first_row += len(texts)


def _input(options) -> Iterator[list[str]]:
    """Yields blocks of what the options name: texts, files, a prompt or standard input."""
    if options.text:
        return iter([[clean_text(text) for text in options.text]])
    if not options.files and sys.stdin.isatty():
        return _prompt()
    return _blocks(options.files)


def _blocks(files) -> Iterator[list[str]]:
    """Yields blocks of lines of files or of standard input, as they come."""
    if files:
        lines = [line for path in files for line in read_lines(path)]
        yield from (lines[i : i + BLOCK] for i in range(0, len(lines), BLOCK))
        return
    block = []
    for number, line in enumerate(sys.stdin.buffer, start=1):
        try:
            block += split_lines(decode_utf8(line, "standard input", number)) or [""]
        except ValueError:
            yield block  # the lines before are good
            raise
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def _prompt() -> Iterator[list[str]]:
    """Yields what is typed, one text at a time."""
    print("One text per line; Ctrl-D ends.", file=sys.stderr)
    while True:
        try:
            yield [clean_text(input("> "))]
        except UnicodeDecodeError as error:
            print(f"Expected UTF-8 text. Received: {error}. Try again.", file=sys.stderr)
        except EOFError:
            return
