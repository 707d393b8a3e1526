"""The text of an exercise: its stub for the reader, its answer with everything that the answer leans on."""

import ast

from headstart.press import PressError, names, wings
from headstart.press.stub import stub, undecorate


class Printer:
    """Prints one chapter's exercises in their order; it remembers what stands in the notebook already."""

    def __init__(self, src, exercises, taken):
        """`src` holds the packages, `taken` the names that the notebook's own cells make."""
        self.src = src
        self.homes = {exercise.name: self._home(exercise) for exercise in exercises}  # name -> Definition
        self.taken = taken | set(self.homes)
        self.printed = {}  # Definition -> its name in the notebook

    def stub(self, exercise):
        """Print the contract and an empty body."""
        home = self.homes[exercise.name]
        self.printed[home] = exercise.name
        text = stub(home.source)
        siblings = {name: self.printed.get(self._find(home, name)) for name in names.free(text)}
        known = {name: printed for name, printed in siblings.items() if printed}
        return names.rename(text, known | {home.name: exercise.name})

    def answer(self, exercise):
        """Print the source, under the helpers and constants that no earlier answer has brought along."""
        parts = []
        self._place(self.homes[exercise.name], exercise.name, parts)
        return "\n\n\n".join(parts)

    def _place(self, definition, name, parts):
        self.printed[definition] = name  # first, so that a recursive function finds itself
        source = undecorate(definition.source, lambda decorator: self._is_own(definition, decorator))
        new_names = {definition.name: name}
        for used in names.free(source):
            helper = self._find(definition, used)
            if helper and helper not in self.printed:
                self._claim(helper)
                self._place(helper, helper.printed_name, parts)
            if helper:
                new_names[used] = self.printed[helper]
            elif used in {*self.homes, *self.printed.values()}:
                raise PressError(f"it uses {used} from elsewhere, but in the notebook {used} is ours")
        parts.append(names.rename(source, new_names))

    def _claim(self, helper):
        """Make sure that a helper may be printed here under its name."""
        if helper in self.homes.values():
            raise PressError(f"it uses {helper.name}, which is an exercise only later in the chapter")
        if helper.printed_name in self.taken:
            raise PressError(f"it needs the helper {helper.printed_name}, a name the notebook has given away")
        self.taken.add(helper.printed_name)

    def _is_own(self, definition, decorator):
        """A decorator of the house's plumbing (a shape contract) guards the wings; an answer goes without."""
        origin = self._find(definition, decorator)
        return origin is None or origin.in_wing

    def _find(self, definition, name):
        return wings.find(self.src, definition.module, name)

    def _home(self, exercise):
        home = wings.find(self.src, exercise.module, exercise.attribute)
        if home is None or home.kind in (ast.Assign, ast.AnnAssign):
            raise PressError(f"{exercise.module} defines no function or class {exercise.attribute}")
        return home
