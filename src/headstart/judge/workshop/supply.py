"""The course's own answers to the exercises that an answer may call, as source text for a worker.

Nothing else goes along: from each module only the statements that those answers depend on, and never the answer to
the exercise under judgement.
"""

import ast
import functools
from pathlib import Path

from headstart.judge import course
from headstart.judge.worker import slices

SRC = Path(__file__).parents[3]


@functools.cache
def supply(name):
    """Return (modules, supplied): [[module, source], …] in the order to run them, [[printed name, module, name], …]."""
    exercise, wing = course.find(name)
    forbidden = (f"headstart.{wing}.{exercise.home}", exercise.name)
    modules, supplied = {}, []
    for need in _needs(exercise):
        home = f"headstart.{wing}.{need.home}"
        if wing in need.wings and forbidden not in _closure(home, need.name):
            modules = _merged(modules, _parts(home, frozenset([need.name])))
            supplied.append([course.printed(need, wing), home, need.name])
    return [[module, _text(module, names)] for module, names in modules.items()], supplied


def _needs(exercise):
    """The exercises that an exercise needs, those that they need in turn, and so on."""
    found, queue = {}, [*exercise.needs]
    while queue:
        need, _ = course.find(queue.pop())
        if need.name not in found and need is not exercise:
            found[need.name] = need
            queue += need.needs
    return list(found.values())


def _closure(module, name):
    """Every (module, name) of the course that a definition depends on."""
    parts = _parts(module, frozenset([name]))
    return {(part, bound) for part, names in parts.items() for each in _chosen(part, names) for bound in each.binds}


def _parts(module, names):
    """{module: names wanted from it} for some names and everything of the course behind them, deepest first."""
    parts = {}
    for origin, wanted in _imports(module, names).items():
        parts = _merged(parts, _parts(origin, wanted))
    return _merged(parts, {module: names})


def _merged(parts, more):
    return {module: parts.get(module, frozenset()) | more.get(module, frozenset()) for module in {**parts, **more}}


def _imports(module, names):
    """What the chosen statements of a module take from other modules of the course."""
    found = {}
    for statement in _chosen(module, names):
        if _is_ours(statement.node):
            wanted = frozenset(alias.name for alias in statement.node.names)
            found[statement.node.module] = found.get(statement.node.module, frozenset()) | wanted
    return found


def _is_ours(node):
    return isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "headstart"


@functools.cache
def _chosen(module, names):
    """The statements of a module that some names depend on; imports cut down to what those statements use."""
    source = SRC.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    chosen = slices.choose({1: source}, names)
    used = names.union(*(slices.uses(each.text) for each in chosen if not _is_ours(each.node)))
    return [each._replace(node=_narrowed(each.node, used)) if _is_ours(each.node) else each for each in chosen]


def _narrowed(node, used):
    aliases = [alias for alias in node.names if (alias.asname or alias.name) in used]
    return ast.ImportFrom(node.module, aliases, node.level, lineno=node.lineno, col_offset=0)


def _text(module, names):
    return "\n".join(ast.unparse(each.node) for each in _chosen(module, names))
