"""One round of the hunt: bugs drawn by a seed, a file to mend, a count of what is left, and the debrief."""

import random
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.graders import exercises
from headstart.hunt import plants, programs
from headstart.hunt.patience import TooLong, patience
from headstart.judge import course
from headstart.judge.candidate import local
from headstart.judge.trial import hold

BUGS = {1: 3, 2: 4, 3: 5}  # how many are planted at each level
SECONDS = 20.0  # that all parts of a program may take together
MINUTES = {1: 15, 2: 25, 3: 40}


class HuntError(ValueError):
    """The round cannot be played so; the message says why in one sentence."""


@dataclass(frozen=True)
class Round:
    """A program with bugs in a file. `planted` is the answer: do not look before the debrief."""

    program: programs.Program
    planted: tuple
    path: Path
    seed: int

    def check(self):
        """Say how many bugs are left, and nothing about where. Raises HuntError if the file does not run or end."""
        wrong = set(self.wrong())
        own = {plant.exercise for plant in self.planted}
        print(f"{len(wrong & own)} of {len(self.planted)} bugs are left.")
        if wrong - own:
            print(f"Parts of the program that had no bug and have one now: {len(wrong - own)}.")

    def debrief(self):
        """Name every bug: is it out, what it amounts to, where it was, what one notices, which law catches it."""
        wrong = set(self.wrong())
        for number, plant in enumerate(self.planted, 1):
            mutant = next(each for each in exercises()[plant.exercise].mutants if each.name == plant.mutant)
            print(f"{number}. {plant.exercise}: {'still there' if plant.exercise in wrong else 'found'}")
            print(f"   It equalled {mutant.diagnosis}.")
            print(f"   written  {_flat(plant.after) or '(nothing)'}\n   for      {_flat(plant.before)}")
            print(f"   Noticed: {plant.symptom}\n   Caught by the test: {self.law(plant).sentence}\n")

    def wrong(self):
        """The exercises whose part of the file is not right, each judged with right answers in place of the others."""
        if not self.path.is_file():
            raise HuntError(f"{self.path} is gone; start the round with seed={self.seed} again to write it")
        text = self.path.read_text(encoding="utf-8")
        try:
            with patience(SECONDS):
                return [name for name in self.program.units if _trial(self._run(text), name).verdict != "pass"]
        except TooLong:
            raise HuntError(f"{self.path.name} does not end: there is a loop in it that never stops") from None

    def law(self, plant):
        """The first law that convicts the bug when it stands alone."""
        text = self.program.text({plant.exercise: plants.planted(self.program, plant)})
        return next(each for each in _trial(self._run(text), plant.exercise).findings if each.verdict != "pass")

    def _run(self, text):
        """Execute the program and return its names."""
        space = {"__name__": self.path.stem}
        try:
            exec(compile(text, str(self.path), "exec"), space)
        except Exception as error:
            line = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
            raise HuntError(f"{self.path.name} does not run: {type(error).__name__}: {error}{line}") from None
        return space


def start(name="gpt", level=1, seed=None, folder="."):
    """Plant bugs in a program and write it to a file, unless that file is there already: then go on with it.

    name   "gpt" or "translator" (an encoder-decoder)
    level  1: three bugs that show at once, 15 minutes; 2: four, 25 minutes; 3: five that few tests catch, 40 minutes
    seed   draws the same bugs again; None: others each time
    folder where the file is written

    Raises HuntError.
    """
    if name not in programs.PROGRAMS or level not in BUGS:
        raise HuntError(f"there are the programs {' and '.join(programs.PROGRAMS)} at the levels 1, 2 and 3")
    if not Path(folder).is_dir():
        raise HuntError(f"there is no folder {folder} to write the program to")
    seed = random.randrange(10**6) if seed is None else seed
    program = programs.PROGRAMS[name]()
    planted = draw(program, level, random.Random(f"{name} {level} {seed}"))
    path = Path(folder, f"hunt-{name}-{level}-{seed}.py")
    if not path.exists():
        changed = {plant.exercise: plants.planted(program, plant) for plant in planted}
        path.write_text(program.text(changed), encoding="utf-8")
    print(f"{len(planted)} bugs are in {path.name}. You have {MINUTES[level]} minutes: read, test, mend, then check().")
    return Round(program, planted, path, seed)


def draw(program, level, chance):
    """Bugs for a round, no two in one part, the harder ones of the level before the easier."""
    found = plants.fitting(program, level)
    chance.shuffle(found)
    found.sort(key=lambda plant: plant.level < level)
    one_each = {plant.exercise: plant for plant in reversed(found)}  # the first of each part stays
    return tuple(sorted(one_each.values(), key=found.index)[: BUGS[level]])


def _trial(space, name):
    """Judge one part of a program that was just run; the course's answers take the place of the other exercises."""
    if not callable(space.get(name)):
        raise HuntError(f"the program has no function {name} any more")
    others = exercises().keys() & space.keys() - {name}
    space.update({other: course.reference(exercises()[other], "in_numpy") for other in others})  # its own globals
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hold(exercises()[name], "in_numpy", local(space[name], "in_numpy"), name, seed=0)


def _flat(source):
    """A piece of source in one line."""
    return " ⏎ ".join(line.strip() for line in source.strip().splitlines())
