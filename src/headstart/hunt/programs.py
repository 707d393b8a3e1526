"""The programs that are hunted in: the course's own answers, set as one file each, with one line of docstring left."""

import ast
import importlib
import inspect
from dataclasses import dataclass

HEAD = '''"""{title} There are bugs in here."""

import math

import numpy as np

from headstart.contract import ShapeError
'''


@dataclass(frozen=True)
class Program:
    """A program as units: an exercise of the course with the private helpers that stand above it."""

    name: str
    title: str
    units: dict

    def text(self, changed=()):
        """The source of the whole program, some units replaced: {exercise: source}."""
        changed = dict(changed)
        sources = (changed.get(name) or unit for name, unit in self.units.items())
        return HEAD.format(title=self.title) + "".join(f"\n\n{source}\n" for source in sources)


def plain(module, name):
    """The source of one definition of a wing: no decorator, and of the docstring its first line."""
    lines = inspect.getsource(importlib.import_module(f"headstart.in_numpy.{module}")).splitlines()
    tree = ast.parse("\n".join(lines))
    node = next(each for each in tree.body if isinstance(each, ast.FunctionDef) and each.name == name)
    said = node.body[0]
    summary = f'    """{ast.get_docstring(node).splitlines()[0]}"""'
    return "\n".join([*lines[node.lineno - 1 : said.lineno - 1], summary, *lines[said.end_lineno : node.end_lineno]])


def _program(name, title, **homes):
    """A program from {exercise: "module", or "module: helper helper"}."""
    units = {}
    for exercise, home in homes.items():
        module, _, helpers = home.partition(":")
        units[exercise] = "\n\n\n".join(plain(module, each) for each in [*helpers.split(), exercise])
    return Program(name, title, units)


LAYER = {
    "softmax": "attention",
    "attention_weights": "attention",
    "scaled_dot_product_attention": "attention",
    "split_heads": "multi_head",
    "merge_heads": "multi_head",
    "multi_head_attention": "multi_head",
    "layer_norm": "norms",
    "feed_forward": "feed_forward",
}


def gpt():
    """A small GPT: token numbers in, scores for every next token out."""
    stack = {"encoder_block": "transformer: residual_step", "decoder_only": "models: embed"}
    return _program("gpt", "A small GPT.", **LAYER, **stack)


def translator():
    """An encoder-decoder: the source's tokens and the target's in, scores for every next target token out."""
    stack = {
        "encoder_block": "transformer: residual_step",
        "cross_attention": "transformer",
        "decoder_block": "transformer",
        "encoder_decoder": "models: embed encode source_heads decode",
    }
    return _program("translator", "An encoder-decoder.", **LAYER, **stack)


PROGRAMS = {"gpt": gpt, "translator": translator}
