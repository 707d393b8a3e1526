"""The bug hunt: every bug changes what the program does, is the known mistake it says, and can be repaired."""

import random
import signal
import textwrap

import pytest

from headstart import hunt
from headstart.graders import exercises
from headstart.hunt import game, plants, programs

PROGRAMS = {name: make() for name, make in programs.PROGRAMS.items()}
PLANTED = [
    pytest.param(program, plant, id=f"{name}-{plant.exercise}-{plant.mutant}")
    for name, program in PROGRAMS.items()
    for plant in plants.PLANTS
    if plant.exercise in program.units
]


def trial(text, name):
    space = {}
    exec(compile(text, "<hunt>", "exec"), space)
    return game._trial(space, name)


def test_there_are_thirty_bugs_and_each_level_has_enough():
    assert len({(plant.exercise, plant.mutant) for plant in plants.PLANTS}) == len(plants.PLANTS) >= 30
    for program in PROGRAMS.values():
        for level, bugs in game.BUGS.items():
            assert len({plant.exercise for plant in plants.fitting(program, level)}) >= bugs


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_without_bugs_every_part_is_right(program):
    assert [name for name in program.units if trial(program.text(), name).verdict != "pass"] == []


@pytest.mark.parametrize(("program", "plant"), PLANTED)
def test_a_bug_is_the_known_mistake_it_says_and_hurts_no_other_part(program, plant):
    buggy = program.text({plant.exercise: plants.planted(program, plant)})
    found = trial(buggy, plant.exercise)
    assert found.verdict in ("wrong", "error")
    assert plant.mutant in [mistake.name for mistake in found.mistakes]
    assert all(trial(buggy, name).verdict == "pass" for name in program.units if name != plant.exercise)


def mend(played, plant):
    text = played.path.read_text()
    unit = plants.planted(played.program, plant)
    assert text.count(unit) == 1
    played.path.write_text(text.replace(unit, played.program.units[plant.exercise]))


@pytest.mark.parametrize("level", game.BUGS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_repair_counts_one_bug_less(name, level, tmp_path, capsys):
    played = hunt.start(name, level, seed=3, folder=tmp_path)
    bugs = game.BUGS[level]
    for left, plant in enumerate(played.planted):
        capsys.readouterr()
        played.check()
        said = capsys.readouterr().out
        assert said == f"{bugs - left} of {bugs} bugs are left.\n"
        mend(played, plant)
    capsys.readouterr()
    played.check()
    assert capsys.readouterr().out.startswith("0 of")


def test_the_debrief_names_bug_place_symptom_and_test(tmp_path, capsys):
    played = hunt.start("gpt", 2, seed=1, folder=tmp_path)
    mend(played, played.planted[0])
    played.debrief()
    said = capsys.readouterr().out
    for plant in played.planted:
        assert plant.symptom in said
        assert f"{plant.exercise}: {'found' if plant is played.planted[0] else 'still there'}" in said
        assert played.law(plant).sentence in said


def test_a_new_bug_is_counted_apart(tmp_path, capsys):
    played = hunt.start("gpt", 1, seed=1, folder=tmp_path)
    sound = next(name for name in played.program.units if name not in {plant.exercise for plant in played.planted})
    unit = played.program.units[sound]
    played.path.write_text(played.path.read_text().replace(unit, unit.replace("return ", "return 2 * ")))
    capsys.readouterr()
    played.check()
    assert (
        capsys.readouterr().out == "3 of 3 bugs are left.\nParts of the program that had no bug and have one now: 1.\n"
    )


def test_a_seed_draws_the_same_bugs_and_the_file_is_never_written_over(tmp_path):
    one = hunt.start("gpt", 1, seed=5, folder=tmp_path)
    one.path.write_text(one.path.read_text() + "# mine\n")
    again = hunt.start("gpt", 1, seed=5, folder=tmp_path)
    assert again.planted == one.planted
    assert again.path.read_text().endswith("# mine\n")
    draws = {game.draw(PROGRAMS["gpt"], 2, random.Random(seed)) for seed in range(30)}
    assert len(draws) > 20


def test_no_bug_is_harder_than_the_level_and_two_never_share_a_part():
    for program in PROGRAMS.values():
        for level in game.BUGS:
            for seed in range(20):
                drawn = game.draw(program, level, random.Random(seed))
                assert len({plant.exercise for plant in drawn}) == len(drawn) == game.BUGS[level]
                assert max(plant.level for plant in drawn) == level


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def softmax(:", "does not run: SyntaxError"),
        ("1 / 0", "does not run: ZeroDivisionError"),
        ("x = 1", "has no function softmax any more"),
    ],
)
def test_a_file_that_is_no_program_gets_one_sentence(tmp_path, text, sentence):
    played = hunt.start("gpt", 1, seed=1, folder=tmp_path)
    played.path.write_text(text)
    with pytest.raises(hunt.HuntError, match=sentence):
        played.check()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no alarm clock on this system")
@pytest.mark.parametrize("indent", ["", "    "], ids=["at once", "in a function"])
def test_a_file_that_never_ends_gets_one_sentence(tmp_path, monkeypatch, indent):
    """Also one that catches every Exception."""
    monkeypatch.setattr(game, "SECONDS", 0.3)
    played, handler = hunt.start("gpt", 1, seed=1, folder=tmp_path), signal.getsignal(signal.SIGALRM)
    loop = "while True:\n    try:\n        1 / 0\n    except Exception:\n        pass\n"
    played.path.write_text("def softmax(*_):\n" + textwrap.indent(loop, indent) if indent else loop)
    with pytest.raises(hunt.HuntError, match="does not end"):
        played.check()
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


@pytest.mark.parametrize("arguments", [{"name": "bert"}, {"level": 4}])
def test_what_does_not_exist_is_refused(tmp_path, arguments):
    with pytest.raises(hunt.HuntError, match="gpt and translator"):
        hunt.start(**arguments, folder=tmp_path)


def test_every_plant_is_of_an_exercise():
    assert {plant.exercise for plant in plants.PLANTS} <= exercises().keys()


def test_a_folder_or_a_file_that_is_not_there_gets_one_sentence(tmp_path):
    with pytest.raises(hunt.HuntError, match="there is no folder"):
        hunt.start("gpt", 1, seed=1, folder=tmp_path / "nowhere")
    played = hunt.start("gpt", 1, seed=1, folder=tmp_path)
    played.path.unlink()
    with pytest.raises(hunt.HuntError, match="start the round with seed=1 again"):
        played.check()
