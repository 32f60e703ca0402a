"""Answers an SMT-LIB file with bitwuzla, whose PyPI package has a library and no program."""

import sys

from bitwuzla import Option, Options, Parser, TermManager

options = Options()
options.set(Option.PRODUCE_MODELS, True)
Parser(TermManager(), options).parse(sys.argv[1], False, True)
