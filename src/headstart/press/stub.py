"""What is left of a definition for the reader to fill in."""

import libcst as cst
import libcst.matchers as m

KEPT_DECORATORS = {"staticmethod", "classmethod", "property"}


def stub(source):
    """Cut a function or class down to its contract: signatures, docstrings, `raise NotImplementedError`."""
    module = cst.parse_module(undecorate(source, lambda name: name in KEPT_DECORATORS))
    definition = module.body[0]
    empty = _empty_class if isinstance(definition, cst.ClassDef) else _empty_function
    return module.with_changes(header=[], footer=[], body=[empty(definition)]).code.strip()


def undecorate(source, keep):
    """Leave out the decorators, of methods too, whose first name `keep` turns down."""
    return cst.parse_module(source).visit(_Undecorate(keep)).code


class _Undecorate(cst.CSTTransformer):
    def __init__(self, keep):
        super().__init__()
        self.keep = keep

    def leave_Decorator(self, original_node, updated_node):
        first = m.findall(original_node.decorator, m.Name())[0].value
        return updated_node if self.keep(first) else cst.RemoveFromParent()


def _empty_function(function):
    refusal = cst.parse_statement("raise NotImplementedError")
    return _with_body(function, [*_docstring(function), refusal])


def _empty_class(definition):
    """Private helpers are the author's way of doing it, not part of the contract: they are left out."""
    parts = definition.body.body
    methods = [each for each in parts if isinstance(each, cst.FunctionDef) and _is_public(each.name.value)]
    blank = [cst.EmptyLine(indent=False)]
    stubs = [_empty_function(method).with_changes(leading_lines=blank) for method in methods]
    return _with_body(definition, [*_docstring(definition), *stubs])


def _with_body(definition, statements):
    header = getattr(definition.body, "header", cst.TrailingWhitespace())
    return definition.with_changes(body=cst.IndentedBlock(body=statements, header=header))


def _docstring(definition):
    """The docstring's statement as a list of one, or an empty list."""
    if definition.get_docstring() is None:
        return []
    first = definition.body.body[0]
    expression = getattr(first, "body", [first])[0]  # a body on the line of its `def` holds it bare
    return [cst.SimpleStatementLine([cst.Expr(expression.value)])]


def _is_public(name):
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))
