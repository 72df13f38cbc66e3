"""The version of seq2seq, alone in its file so that packaging and the command line can read it."""

__version__ = "0.1.0"
