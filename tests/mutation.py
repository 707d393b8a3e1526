"""Small changes to source code, one at a time: what a slip of the hand would do to a reference."""

import ast
import itertools
from contextlib import contextmanager

SWAPS = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult, ast.Mod), ast.Mod: (ast.Mult, ast.FloorDiv),
    ast.Pow: (ast.Mult,), ast.MatMult: (ast.Mult,),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.And: (ast.Or,), ast.Or: (ast.And,),
}  # fmt: skip
MODULES = ("np", "torch", "math", "nn")


def mutants(source, filename):
    """Yield (name, line, words, code): the module with one change inside the definition `name`, compiled."""
    tree = ast.parse(source)
    for definition in tree.body:
        if isinstance(definition, ast.FunctionDef | ast.ClassDef):
            for parent, field, index, node in list(_places(definition)):
                for words, changed in _changes(node, definition):
                    with _changed(parent, field, index, changed):
                        code = compile(ast.fix_missing_locations(tree), filename, "exec")
                    yield definition.name, node.lineno, words, code


def _places(node):
    """Every statement and expression below a node with its place; neither docstrings nor messages."""
    for field, value in ast.iter_fields(node):
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            docstring = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if isinstance(child, ast.JoinedStr) or docstring or not isinstance(child, ast.AST):
                continue
            if hasattr(child, "lineno"):
                yield node, field, index, child
            yield from _places(child)


@contextmanager
def _changed(parent, field, index, node):
    """Put a node in its place for a while."""
    holder, key = (getattr(parent, field), index) if index is not None else (vars(parent), field)
    original, holder[key] = holder[key], node
    yield
    holder[key] = original


def _changes(node, definition):
    """List (words, node) for everything that may stand in the node's place."""
    if isinstance(node, ast.stmt):
        return [(f"without `{ast.unparse(node).splitlines()[0]}`", kept) for kept in _without(node)]
    others = CHANGES.get(type(node), lambda node: [])(node)
    others += _other_parameters(node, definition) + _decorator_parts(node, definition)
    return [(f"`{ast.unparse(node)}` → `{ast.unparse(other)}`", other) for other in others]


def _without(statement):
    """What is left of a statement: nothing, or for `with` its body."""
    yield ast.If(ast.Constant(True), statement.body, []) if isinstance(statement, ast.With) else ast.Pass()


def _binary(node):
    turned = [ast.BinOp(node.right, node.op, node.left)] if isinstance(node.op, ast.MatMult | ast.Sub | ast.Div) else []
    swapped = [ast.BinOp(node.left, other(), node.right) for other in SWAPS.get(type(node.op), ())]
    return [*swapped, *turned, node.left, node.right]


def _boolean(node):
    return [ast.BoolOp(SWAPS[type(node.op)][0](), node.values), *node.values, _negated(node)]


def _compare(node):
    swapped = [ast.Compare(node.left, [other()], node.comparators) for other in SWAPS.get(type(node.ops[0]), ())]
    return [*swapped, ast.Constant(True), ast.Constant(False)]


def _negated(node):
    return ast.UnaryOp(ast.Not(), node)


def _choice(node):
    return [node.body, node.orelse, ast.IfExp(node.test, node.orelse, node.body)]


def _constant(node):
    if isinstance(node.value, bool):
        return [ast.Constant(not node.value)]
    return [ast.Constant(node.value + step) for step in (1, -1)] if isinstance(node.value, int | float) else []


def _call(node):
    is_method = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") not in MODULES
    inner = [node.func.value] if is_method else node.args[:1]
    fewer = [[keyword for keyword in node.keywords if keyword is not dropped] for dropped in node.keywords]
    swapped = [] if getattr(node.func, "attr", "") == "swapaxes" else _neighbours_swapped(node.args)  # it is symmetric
    calls = [ast.Call(node.func, node.args, keywords) for keywords in fewer]
    return [*inner, *calls, *(ast.Call(node.func, args, node.keywords) for args in swapped)]


def _tuple(node):
    return [ast.Tuple(elements, node.ctx) for elements in _neighbours_swapped(node.elts)]


def _neighbours_swapped(nodes):
    for i, (a, b) in enumerate(itertools.pairwise(nodes)):
        if ast.dump(a) != ast.dump(b):
            yield [*nodes[:i], b, a, *nodes[i + 2 :]]


def _attribute(node):
    return [node.value] if node.attr in ("T", "mT") else []


CHANGES = {
    ast.BinOp: _binary, ast.BoolOp: _boolean, ast.Compare: _compare, ast.UnaryOp: lambda node: [node.operand],
    ast.IfExp: _choice, ast.Constant: _constant, ast.Call: _call, ast.Tuple: _tuple, ast.Attribute: _attribute,
    ast.Subscript: lambda node: [node.value] if isinstance(node.ctx, ast.Load) else [],
}  # fmt: skip


def _other_parameters(node, definition):
    """For a parameter that is read: each other parameter of the same function."""
    if not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
        return []
    functions = [each for each in ast.walk(definition) if isinstance(each, ast.FunctionDef) and _holds(each, node)]
    names = [a.arg for function in functions for a in function.args.args if a.arg != "self"]
    return [ast.Name(name, ast.Load()) for name in names if name != node.id] if node.id in names else []


def _decorator_parts(node, definition):
    """For a shape spec in a decorator: the spec without one of its axes."""
    if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return []
    if not any(_holds(decorator, node) for decorator in definition.decorator_list):
        return []
    words = node.value.split()
    idle = words[0] == "bool" and "..."  # a mask's leading axes broadcast whether `...` says so or not
    return [ast.Constant(" ".join(words[:i] + words[i + 1 :])) for i, word in enumerate(words) if word != idle]


def _holds(tree, node):
    return any(each is node for each in ast.walk(tree))
