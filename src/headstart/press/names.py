"""Which names a piece of Python uses and makes, by its scope rules; renaming that leaves the rest alone."""

import builtins
from functools import cache

import libcst as cst
from libcst import metadata as meta

WINGS = "headstart.in_"


def free(source):
    """List the names that `source` needs from outside, builtins left out, in order of first use."""
    module, scopes = _parse(source)
    makes = {assignment.name for assignment in _globals(scopes)}
    uses = _global_uses(scopes)
    used = dict.fromkeys(node.value for node in _in_order(module) if node in uses)
    return [name for name in used if name not in makes and not hasattr(builtins, name)]


def bound(source):
    """Collect the names that `source` makes at top level; what it imports from a wing does not count."""
    _, scopes = _parse(source)
    return {assignment.name for assignment in _globals(scopes) if not _from_wing(assignment)}


def rename(source, new_names):
    """Rename top-level names where they are meant: not locals, attributes, keywords, strings or comments."""
    module, scopes = _parse(source)
    made = {_name_node(assignment.node) for assignment in _globals(scopes)}
    nodes = [node for node in _global_uses(scopes) | made if node]
    changes = {node: new_names[node.value] for node in nodes if node.value in new_names}
    return module.visit(_Rename(changes)).code


class _Rename(cst.CSTTransformer):
    """Give the chosen Name nodes, and no others, a new value."""

    def __init__(self, changes):
        super().__init__()
        self.changes = changes

    def leave_Name(self, original_node, updated_node):
        return updated_node.with_changes(value=self.changes.get(original_node, updated_node.value))


@cache  # both rooms hold the same cells and the same answers
def _parse(source):
    wrapper = meta.MetadataWrapper(cst.parse_module(source), unsafe_skip_copy=True)
    scopes = {scope for scope in wrapper.resolve(meta.ScopeProvider).values() if scope is not None}
    return wrapper.module, scopes


def _globals(scopes):
    """The assignments at top level (and those that a function makes there with `global`)."""
    return [each for scope in scopes if isinstance(scope, meta.GlobalScope) for each in scope.assignments]


def _global_uses(scopes):
    """The Name nodes that stand for something at top level or built in; quoted annotations are none."""
    return {
        access.node
        for scope in scopes
        for access in scope.accesses
        if isinstance(access.node, cst.Name)
        and all(isinstance(origin.scope, meta.GlobalScope | meta.BuiltinScope) for origin in access.referents)
    }


def _in_order(module):
    """All Name nodes from first to last."""
    stack = [module]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Name):
            yield node
        stack.extend(reversed(node.children))


def _name_node(node):
    """The Name that a definition or an assignment gives; an import gives none that could be renamed."""
    name = getattr(node, "name", node)
    return name if isinstance(name, cst.Name) else None


def _from_wing(assignment):
    imported = isinstance(assignment, meta.ImportAssignment)
    return imported and assignment.get_module_name_for_import().startswith(WINGS)
