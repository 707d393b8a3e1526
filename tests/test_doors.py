"""The doors of the house: who may import whom, and two wings that are built alike."""

import ast
import graphlib
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headstart import graders
from headstart.graders import exercises
from headstart.judge import course

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src"
WINGS = ("in_numpy", "in_torch")
COURSE = exercises()

WING_FORBIDS = ("headstart.graders", "headstart.judge", "headstart.press", "headstart.figures", "pytest", "matplotlib")
DOORS = {  # a folder of src/headstart: what nothing in it may import, by any path
    "in_numpy": ("torch", "headstart.in_torch", *WING_FORBIDS),
    "in_torch": ("headstart.in_numpy", *WING_FORBIDS),
    "graders": (*(f"headstart.{wing}" for wing in WINGS), "torch", "headstart.judge", "headstart.press", "pytest"),
    "judge": ("headstart.press",),
    "hunt": ("headstart.press",),
    ".": ("tests", *(path.stem for path in Path(__file__).parent.glob("*.py"))),
}


def files(folder):
    return sorted((SRC / "headstart" / folder).rglob("*.py"))


def module_of(path):
    return ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")


def imported(path):
    """Every module that the file names in an import, wherever it stands, `from a import b` as a.b too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def enters(module, room):
    return module == room or module.startswith(f"{room}.")


@pytest.mark.parametrize(("folder", "forbidden"), DOORS.items())
def test_no_file_names_what_it_may_not_know(folder, forbidden):
    assert files(folder)
    trespasses = [
        f"{path.relative_to(SRC)} imports {module}"
        for path in files(folder)
        for module in imported(path)
        if any(enters(module, room) for room in forbidden)
    ]
    assert trespasses == []


def loaded_by(*modules):
    """The names of all modules that are loaded once these are imported, in a fresh interpreter."""
    code = f"import json, sys\nimport {', '.join(modules)}\nprint(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.mark.parametrize("folder", [*WINGS, "graders"])
def test_nothing_forbidden_is_loaded_either(folder):
    loaded = loaded_by(*(module_of(path) for path in files(folder)))
    assert not [module for module in loaded if any(enters(module, room) for room in DOORS[folder])]


def test_numpy_wing_costs_nothing_but_numpy():
    ours = {module for module in loaded_by("headstart.in_numpy.attention") if enters(module, "headstart")}
    assert ours == {"headstart", "headstart.contract", "headstart.in_numpy", "headstart.in_numpy.attention"}
    assert len(loaded_by("headstart.in_numpy")) - len(loaded_by("numpy")) <= 2


def test_numpy_wing_imports_numpy_and_the_standard_library_alone():
    outside = {module.split(".")[0] for path in files("in_numpy") for module in imported(path)}
    assert outside - sys.stdlib_module_names <= {"numpy", "headstart"}


def public(wing, home):
    """The public functions and classes that a file of a wing defines, by name, in order."""
    module = importlib.import_module(f"headstart.{wing}.{home}")
    members = inspect.getmembers(module, lambda each: inspect.isfunction(each) or inspect.isclass(each))
    return {name: each for name, each in members if each.__module__ == module.__name__ and not name.startswith("_")}


def homes(wing):
    return {path.stem for path in files(wing)} - {"__init__"}


@pytest.mark.parametrize("home", sorted(homes("in_numpy") & homes("in_torch")))
def test_the_wings_are_built_alike(home):
    numpy, torch = public("in_numpy", home), public("in_torch", home)
    functions = {name: each for name, each in torch.items() if inspect.isfunction(each)}
    assert set(numpy) == set(functions), "classes (nn.Module) alone may stand in one wing only"
    for name in numpy:
        assert inspect.signature(numpy[name]) == inspect.signature(functions[name]), name
        assert left_out(numpy[name], functions[name]) == [], f"the two contracts of {name} drift apart"


def left_out(one, other):
    """The docstring lines of one function that no line of the other's begins with: PyTorch's contract may say more."""
    lines = inspect.getdoc(other).splitlines()
    return [line for line in inspect.getdoc(one).splitlines() if not any(each.startswith(line) for each in lines)]


TAKEN = {module for path in files(".") for module in imported(path)}


@pytest.mark.parametrize("wing", WINGS)
def test_every_public_name_of_a_wing_is_an_exercise_or_helps_one(wing):
    written = {(home, name) for home in homes(wing) for name in public(wing, home)}
    exercises = {(e.home, e.name) for e in COURSE.values() if wing in e.wings}
    assert exercises <= written
    assert {(home, name) for home, name in written - exercises if not is_used(wing, home, name)} == set()


def is_used(wing, home, name):
    """Whether a function of the file calls a function of that name, or another file of the package takes it."""
    tree = ast.parse((SRC / "headstart" / wing / f"{home}.py").read_text(encoding="utf-8"))
    if any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree)):
        return True
    return f"headstart.{wing}.{home}.{name}" in TAKEN


@pytest.mark.parametrize("exercise", COURSE.values(), ids=COURSE)
def test_every_exercise_is_well_judged(exercise):
    assert len(exercise.laws) >= 2
    assert len(exercise.mutants) >= 4
    assert len(exercise.styles) >= 1
    assert len({mutant.diagnosis for mutant in exercise.mutants}) == len(exercise.mutants)
    assert all(need in COURSE for need in exercise.needs)
    assert all(ban.startswith("torch.") for ban in exercise.bans)


@pytest.mark.parametrize("exercise", COURSE.values(), ids=COURSE)
def test_an_exercise_is_declared_in_the_package_of_its_chapter(exercise):
    parts = [law.holds.__module__.split(".")[:3] for law in exercise.laws]
    assert parts == [["headstart", "graders", exercise.chapter.replace("-", "_")]] * len(exercise.laws)


def test_no_two_chapters_graders_import_each_other():
    """Two threads that import both could then find one of them half made."""
    needs = {}
    for package in (slug.replace("-", "_") for slug in graders.chapters()):
        sources = "".join(map(Path.read_text, (SRC / "headstart" / "graders" / package).glob("*.py")))
        needs[package] = set(re.findall(r"headstart\.graders\.(\w+)", sources)) - {package}
    assert "kit" in graphlib.TopologicalSorter(needs).static_order()  # raises CycleError


def test_one_chapter_is_judged_without_the_others():
    """Two hundred modules that nobody asked for would cost a cold run a tenth of its time."""
    code = """if True:
        import sys
        from headstart.judge import course
        from headstart.judge.workshop.supply import supply
        assert all(course.find(name) and supply(name) for name in course.names_of("attention"))
        print(*{name.split(".")[2] for name in sys.modules if name.startswith("headstart.graders.")} - {"kit"})
    """
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "attention\n"


def test_every_exercise_is_set_in_exactly_one_chapter():
    """Those of a chapter that has no manuscript yet wait for it."""
    chapters, set_in = {slug: course.names_of(slug) for slug in course.chapters()}, {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        chapter = notebook["metadata"]["headstart"]["chapter"]
        set_in |= {name: [] for name in chapters.get(chapter, ())} | set_in
        for cell in notebook["cells"]:
            name = cell["metadata"].get("headstart", {}).get("exercise")
            if name and "check" not in cell["metadata"].get("tags", ()):
                set_in.setdefault(name, []).append(chapter)
    assert set_in == {name: [chapter] for chapter, names in chapters.items() for name in names if name in set_in}
