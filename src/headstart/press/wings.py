"""Reading definitions from the wings' source files, without importing them."""

import ast
import functools
import importlib.util
from dataclasses import dataclass

from headstart.press import PressError

TORCH_WING = "headstart.in_torch"
HOUSE = "headstart"


@dataclass(frozen=True)
class Definition:
    """A function, class or constant at the top level of a module, as it stands there, comments and all."""

    module: str
    name: str
    source: str

    @property
    def in_wing(self):
        """Whether it belongs to a wing, and not to the house's own plumbing such as shape contracts."""
        return self.module.startswith("headstart.in_")

    @property
    def printed_name(self):
        """Its name in a notebook that gives none: `_torch` marks a function of the PyTorch wing."""
        keeps_it = self.kind is ast.ClassDef or not self.module.startswith(TORCH_WING)
        return self.name if keeps_it else f"{self.name}_torch"

    @property
    def kind(self):
        """The type of its syntax node: ast.FunctionDef, ast.ClassDef, ast.Assign, …"""
        return type(ast.parse(self.source).body[0])


def find(src, module, name):
    """Find what `name` means at the top level of `module`: its Definition, or None if it is from outside."""
    entry = _contents(src, module).get(name)
    if not isinstance(entry, tuple):
        return entry
    definition = find(src, *entry)
    if definition is None:
        raise PressError(f"{module} imports {name}, but {entry[0]} does not define {entry[1]}")
    return definition


def _contents(src, module):
    path = src.joinpath(*module.split("."))
    is_package = path.is_dir()
    path = path / "__init__.py" if is_package else path.with_suffix(".py")
    try:
        text = path.read_text(encoding="utf-8")
        return _scan(text, module, module if is_package else module.rpartition(".")[0])
    except FileNotFoundError:
        raise PressError(f"there is no module {module}") from None
    except (OSError, UnicodeDecodeError, SyntaxError) as error:
        raise PressError(f"module {module} cannot be read ({error})") from None


@functools.lru_cache
def _scan(text, module, package):
    """Map each top-level name to its Definition, or to the (module, name) it is imported from."""
    found = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            if origin.split(".")[0] == HOUSE:
                found |= {alias.asname or alias.name: (origin, alias.name) for alias in node.names}
        elif name := _defined(node):
            found[name] = Definition(module, name, _source(node, text.split("\n")))
    return found


def _defined(node):
    """The one name that a top-level statement defines, or None."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        return None
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else None


def _source(node, lines):
    """The statement's lines, with its decorators and the comment that stands right above it."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    while first > 1 and lines[first - 2].startswith("#"):
        first -= 1
    return "\n".join(lines[first - 1 : node.end_lineno])
