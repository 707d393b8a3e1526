"""Which statements of a notebook an exercise needs. Cells are parsed one by one; nothing is executed here.

A worker loads this file by path; the judge uses it to cut the course's own answers out of their modules.
"""

import __future__

import ast
import functools
import operator
import re
import symtable
import unicodedata
from typing import NamedTuple

UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
MAGIC = re.compile(r"(\s*)(?:[%!?].*|.*\?\s*|([\w\s,]+)=\s*[%!].*)", re.DOTALL)
STAR = "*"
WORD = re.compile(r"(?:\b(def|class)\s+)?([^\W\d]\w*)(?:[ \t]*([.(]))?")
INNER = re.compile(r"^((?:async[ \t]+)?(?:def|class)\b.*\n)(?:[ \t]+.*(?:\n|\Z)|[ \t]*\n)+", re.MULTILINE)
STARRED = re.compile(r"import[ \t(]+\*|__future__")
BLOCKS = ast.stmt | ast.excepthandler | ast.match_case
IMPORTS, BINDING, SLOT = ast.Import | ast.ImportFrom, ast.Store | ast.Del, ast.Attribute | ast.Subscript
FEATURES = [getattr(__future__, name) for name in __future__.all_feature_names]
FUTURE = functools.reduce(operator.or_, (feature.compiler_flag for feature in FEATURES))


class Statement(NamedTuple):
    """One top-level statement: where it stands, its text, what names it binds, and whose objects it changes."""

    cell: int
    node: ast.stmt
    text: str
    binds: frozenset
    touches: frozenset

    @property
    def place(self):
        return f"cell {self.cell}, line {self.node.lineno}"


def parse(source, cell=1):
    """Split one cell into its top-level statements; lines of magic become `pass`. Raises one of UNPARSABLE."""
    lines = source.split("\n")
    while True:
        try:
            tree = ast.parse("\n".join(lines))
        except SyntaxError as error:
            line = (error.lineno or 0) - 1
            magic = MAGIC.fullmatch(lines[line]) if 0 <= line < len(lines) else None
            if magic is None:
                raise
            lines[line] = f"{magic[1]}{magic[2].strip()} = None" if magic[2] else f"{magic[1]}pass"
        else:
            return [_statement(cell, node, lines) for node in tree.body]


def _statement(cell, node, lines):
    """A statement with all that is to be known of it."""
    text = _text(node, lines)
    binds = _bound(node) | (_declared_global(node) if "global" in text else set())
    return Statement(cell, node, text, frozenset(binds), frozenset(_touched(node)))


def _text(node, lines):
    """The lines of a statement; one that shares them with another is written anew."""
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])
    chunk = lines[first - 1 : node.end_lineno]
    after = chunk[-1].encode()[node.end_col_offset :].strip()
    return ast.unparse(node) if node.col_offset or (after and after[:1] != b"#") else "\n".join(chunk)


def choose(cells, names, supplied=(), parse=parse, words=None):
    """Keep, in order, the statements that the global `names` depend on, except through the `supplied` names.

    cells  {number: source}; those whose words rule out that they matter are not even parsed
    parse  what to parse a cell with: a function of (source, number)
    words  {number: words_of(source)}, if they are known
    """
    words = words or {number: words_of(source) for number, source in cells.items()}
    parsed, chosen, needed = {}, set(), set(names)
    while True:
        imported = _imported(parsed.values())
        new = [n for n in cells if n not in parsed and not needed.isdisjoint(words[n][0])]
        new = new or [n for n in cells if n not in parsed and not (needed - imported).isdisjoint(words[n][1])]
        if new:  # before choosing, know what is imported: what a cell does to imports is no matter
            parsed |= {number: parse(cells[number], number) for number in new}
            continue
        found = ((n, i, each) for n in parsed for i, each in enumerate(parsed[n]))
        more = {(n, i) for n, i, each in found if _matters(each, needed, imported)} - chosen
        if not more:
            return [parsed[n][i] for n, i in sorted(chosen)]
        chosen |= more
        needed |= set().union(*(uses(parsed[n][i].text) for n, i in more)) - set(supplied)


def words_of(source):
    """The words of a cell that may bind a name or change its object: (those that stand alone, those before a dot).

    It parses nothing and takes linear time, so the judge may call it.
    """
    source = source if source.isascii() else unicodedata.normalize("NFKC", source)
    found = WORD.findall(source if "global" in source else INNER.sub(r"\1", source))  # what is local binds nothing
    alone = {word for keyword, word, after in found if keyword or not after}
    return alone | ({STAR} if STARRED.search(source) else set()), {word for _, word, after in found if after == "."}


@functools.lru_cache(maxsize=256)
def uses(text):
    """The global names that a statement, and the functions within it, refer to."""
    table = symtable.symtable(text, "<cell>", "exec")
    found, inner = {each.get_name() for each in table.get_symbols() if each.is_referenced()}, table.get_children()
    while inner:
        table = inner.pop()
        found |= {each.get_name() for each in table.get_symbols() if each.is_global()}
        inner += table.get_children()
    return found


def is_stub(node):
    """Is it a definition that still holds nothing but its docstring and `raise NotImplementedError`?"""
    if isinstance(node, ast.ClassDef):
        methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
        return bool(methods) and all(is_stub(each) for each in methods)
    if not isinstance(node, ast.FunctionDef):
        return False
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return len(body) == 1 and isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.unparse(body[0])


def means_to_define(source, name):
    """Does the text of a cell that cannot be parsed look like the place where `name` is defined?"""
    return re.search(rf"^\s*(?:def|class)\s+{name}\b|^{name}\s*=", source, re.MULTILINE) is not None


def _matters(statement, needed, imported):
    """Does a statement bind or change something needed? What it does to imports is no matter."""
    return not needed.isdisjoint(statement.binds | (statement.touches - imported))


def _imported(cells):
    return {name for cell in cells for each in cell if isinstance(each.node, IMPORTS) for name in each.binds}


def _bound(node):
    """Names that a top-level statement binds, also within `if`, `for`, `with` and `try`."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Import(names=aliases):
            return {alias.asname or alias.name.split(".")[0] for alias in aliases}
        case ast.ImportFrom(module="__future__"):
            return {STAR}  # it concerns every statement
        case ast.ImportFrom(names=aliases):
            return {alias.asname or alias.name for alias in aliases}
    own = {each.id for each in _parts(node) if isinstance(each, ast.Name) and isinstance(each.ctx, BINDING)}
    named = [getattr(each, field, None) for each in _parts(node) for field in ("name", "rest")]
    own |= {name for name in named if isinstance(name, str)}  # except … as name, case … as name, case {**rest}
    return own.union(*(_bound(child) for child in _parts(node) if isinstance(child, ast.stmt)))


@functools.lru_cache(maxsize=256)
def _parts(node):
    """All that a statement consists of, down to the statements within it, which are not taken apart."""
    found, whole = [], [node]
    while whole:
        children = list(ast.iter_child_nodes(whole.pop()))
        found += children
        whole += [child for child in children if not isinstance(child, ast.stmt)]
    return found


def _declared_global(node):
    """Names that the functions in a statement bind in the notebook by `global`."""
    own = set(node.names) if isinstance(node, ast.Global) else set()
    return own.union(*(_declared_global(child) for child in ast.iter_child_nodes(node) if isinstance(child, BLOCKS)))


def _touched(node):
    """Names whose object a statement changes: `x.a = 1`, `x[0] = 1`, `x.update(…)`, also within blocks."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return set()
    found = {_root(part) for part in _parts(node) if isinstance(part, SLOT) and isinstance(part.ctx, BINDING)}
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        found.add(_root(node.value.func))
    return found.union(*(_touched(child) for child in _parts(node) if isinstance(child, ast.stmt)))


def _root(node):
    """The name at the left end of `name.a[0].b`, or None."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None
