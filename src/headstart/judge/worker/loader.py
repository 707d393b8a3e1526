"""Loading the definitions of one exercise from a notebook, in a learner's process. A worker loads this file by path."""

import ast
import linecache
import sys
import types


class Loader:
    """Runs the statements that define one exercise, one by one; what fails is noted and left out."""

    def __init__(self, job, line, slices):
        self.job, self.line, self.slices = job, line, slices
        self.name, self.supplied = job["name"], {}
        self.failures, self.broken, self.flags = [], "", 0
        self.space = types.ModuleType("__main__")
        self.space.check = lambda answer, *args, **kwargs: answer
        sys.modules["__main__"] = self.space

    def load(self):
        """Return the candidate (None if there is none) and what the judge should know about it."""
        self._supply()
        cells = dict(enumerate(self.job["cells"], 1))
        words = {number: tuple(map(set, found)) for number, found in enumerate(self.job["words"], 1)}
        chosen = self.slices.choose(cells, {self.name, self.slices.STAR}, self.supplied, self._parse, words)
        for statement in chosen:
            self._run(statement)
            vars(self.space).update(self.supplied)
        own = [each.node for each in chosen if self.name in each.binds]
        own = [node for node in own if not _is_check(node, self.name)]
        stub = bool(own) and self.slices.is_stub(own[-1])
        candidate = None if stub else getattr(self.space, self.name, None)
        leans = any(not self.slices.uses(each.text).isdisjoint(self.job["needs"]) for each in chosen)
        news = {"found": candidate is not None, "stub": stub, "defined": bool(own), "leans": leans}
        return candidate, news | {"broken": self.broken, "failures": self.failures[:5]}

    def _supply(self):
        """Make the course's answers to other exercises from their source text, out of the learner's reach."""
        for module_name, source in self.job["modules"]:
            module = sys.modules[module_name] = types.ModuleType(module_name)
            exec(compile(source, f"<{module_name}>", "exec", dont_inherit=True), vars(module))
        for name, module_name, attribute in self.job["supplied"]:
            self.supplied[name] = getattr(sys.modules[module_name], attribute)
        for module_name, _ in self.job["modules"]:
            del sys.modules[module_name]
        vars(self.space).update(self.supplied)

    def _parse(self, source, number):
        """The statements of one cell. One that cannot be parsed has none; it is noted if the exercise stands there."""
        if not self._enter(f"cell {number}"):
            return []
        name = f"<cell {number}>"
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        try:
            return self.slices.parse(source, number)
        except self.slices.UNPARSABLE as error:
            if self.slices.means_to_define(source, self.name):
                self.broken = f"cell {number} is not Python: {_sentence(error)}"
            return []

    def _run(self, statement):
        """Execute one statement under a beacon, so that the judge knows whom to blame if it never ends."""
        if not self._enter(statement.place):
            return
        try:
            tree = ast.Module([statement.node], [])
            code = compile(tree, f"<cell {statement.cell}>", "exec", self.flags, dont_inherit=True)
            self.flags |= code.co_flags & self.slices.FUTURE
            exec(code, vars(self.space))
        except Exception as error:
            if self.name in statement.binds or "'headstart'" not in str(error):  # an answer has no need of the course
                self.failures.append(f"{statement.place}: {_sentence(error)}")

    def _enter(self, place):
        """Announce a step, unless an earlier child has shown that it never returns."""
        if place in self.job["skip"]:
            return False
        self.line.say({"at": place})
        return True


def _is_check(node, name):
    """Is it the line `name = check(name)` that follows every exercise?"""
    match node:
        case ast.Assign([ast.Name(bound)], ast.Call(ast.Name("check"), [ast.Name(checked), *_])):
            return bound == checked == name
    return False


def _sentence(error):
    """An exception in one line."""
    where = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}"[:300] + where
