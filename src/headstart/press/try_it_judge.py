"""Runs in the page: a reader's answer to one exercise, as text, and what the course's judge says of it.

The page's worker (book/_static/try/worker.js) calls `judge`. The laws, the verdicts, the known mistakes and the words
are those of `headstart.check`.
"""

import functools
import importlib.util
import io
import json
import linecache
import math
import secrets
from contextlib import nullcontext, redirect_stdout

from headstart.press import try_it_numbers

HAS_NUMPY = importlib.util.find_spec("numpy") is not None

with nullcontext() if HAS_NUMPY else try_it_numbers.standing_in():
    from headstart.graders import exercises
    from headstart.judge import course
    from headstart.judge.candidate import local
    from headstart.judge.check import story
    from headstart.judge.trial import Trial, hold

    for each in exercises().values():
        if "in_numpy" in each.wings:
            course.reference(each, "in_numpy")  # imported while it can be

PRINTED = 2000  # characters of what an answer prints: the laws call it many times


def judge(name, text, seed=None):
    """Judge the text of an answer and return {"verdict", "story", "printed"} as JSON."""
    seed = secrets.randbits(32) if seed is None else seed
    printed = io.StringIO()
    with redirect_stdout(printed):
        trial = _trial(name, text, seed)
    said = printed.getvalue()
    if len(said) > PRINTED:
        said = f"{said[:PRINTED]}\n… and {len(said) - PRINTED} characters more"
    return json.dumps({"verdict": trial.verdict, "story": story(trial), "printed": said})


def _trial(name, text, seed):
    exercise, wing = course.find(name)
    if not (HAS_NUMPY or _is_plain(name)):
        return Trial(name, seed, "not judged", "this exercise needs NumPy, which this copy of the book came without")
    space = _space(exercise, wing)
    try:
        _run(text, name, space)
        if name not in space:
            return Trial(name, seed, "error", f"your text defines no {name}")
        return hold(exercise, wing, local(space[name], wing, exercise.bans), name, seed)
    except SyntaxError as error:
        return Trial(name, seed, "error", f"line {error.lineno} is not Python: {error.msg}")
    except (Exception, SystemExit) as error:
        return Trial(name, seed, "error", f"{type(error).__name__}{_line(error, name)}: {error}")


@functools.cache
def _is_plain(name):
    """Whether the exercise can be judged without NumPy: the course's answer is right, each known mistake is named."""
    exercise, wing = course.find(name)

    def trial(answer):
        return hold(exercise, wing, local(answer, wing, exercise.bans), name, 0)

    right = trial(course.reference(exercise, wing)).verdict == "pass"
    return right and all(mutant in trial(mutant.answer).mistakes for mutant in exercise.mutants)


def _space(exercise, wing):
    """What the answer finds there: NumPy, math, and the course's answers to the exercises that it may call."""
    space = {"__name__": "__main__", "math": math, "check": lambda answer, *_, **__: answer}
    if HAS_NUMPY:
        space["np"] = importlib.import_module("numpy")
    needs = [exercises()[need] for need in exercise.needs]
    return space | {course.printed(need, wing): course.reference(need, wing) for need in needs if wing in need.wings}


def _run(text, name, space):
    """Execute the text under a name by which a later error finds its line."""
    place = f"<cell {name}>"
    linecache.cache[place] = (len(text), None, text.splitlines(True), place)
    exec(compile(text, place, "exec", dont_inherit=True), space)


def _line(error, name):
    """The last line of the answer's text that an exception came through."""
    lines, step = [], error.__traceback__
    while step:
        if step.tb_frame.f_code.co_filename == f"<cell {name}>":
            lines.append(step.tb_lineno)
        step = step.tb_next
    return f" in line {lines[-1]}" if lines else ""
