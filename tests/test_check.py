"""What `check` prints and hands back in a notebook, for a right answer and for every way to be wrong."""

import linecache

import numpy as np
import pytest

from headstart import check
from headstart.graders.kit import Exercise, agree
from headstart.in_numpy import attention as reference
from headstart.judge.candidate import local
from headstart.judge.course import UnknownExercise
from headstart.judge.trial import hold

RIGHT = """
def softmax(x, axis=-1):
    top = x.max(axis, keepdims=True)
    e = np.exp(x - np.where(np.isfinite(top), top, 0))
    return e / np.maximum(e.sum(axis, keepdims=True), 1e-300)
"""


@pytest.fixture
def cell(capsys):
    """Run a cell as a notebook does; return (its namespace, what it printed)."""

    def run(source):
        linecache.cache["<cell 1>"] = (len(source), None, source.splitlines(keepends=True), "<cell 1>")
        namespace = {"np": np, "check": check, "__name__": "__main__"}
        with np.errstate(all="ignore"):
            exec(compile(source, "<cell 1>", "exec"), namespace)
        return namespace, capsys.readouterr().out

    yield run
    linecache.cache.pop("<cell 1>", None)


def test_a_right_answer_comes_back(cell):
    names, printed = cell(f"{RIGHT}\nmine = softmax\nsoftmax = check(softmax)")
    assert names["softmax"] is names["mine"]
    assert printed == "✓ softmax: right, all 7 laws hold.\n"


def test_a_wrong_answer_is_named_and_replaced_by_the_reference(cell):
    names, printed = cell("""
def softmax(x, axis=-1):
    e = np.exp(x)
    return e / np.maximum(e.sum(axis, keepdims=True), 1e-300)
softmax = check(softmax, seed=7)
""")
    assert names["softmax"] is reference.softmax
    assert printed.startswith("✗ softmax: wrong.\n")
    assert "  ✓ softmax(x)_i is exp(x_i) divided by the sum of exp over the axis.\n" in printed
    assert "  ✗ Adding one number to a whole row changes nothing" in printed
    assert "Your output equals a softmax without the maximum subtracted first" in printed
    assert "goes on with the course's answer" in printed
    assert "check(softmax, seed=7)" in printed


def test_a_stub_is_not_attempted(cell):
    names, printed = cell("def softmax(x, axis=-1):\n    raise NotImplementedError\nsoftmax = check(softmax)")
    assert names["softmax"] is reference.softmax
    assert printed.startswith("○ softmax: not attempted")
    assert "seed" not in printed


def test_the_first_wrong_entry_is_shown_with_what_it_should_be(cell):
    _, printed = cell("def merge_heads(x):\n    return x.mean(-3)\ncheck(merge_heads)")
    assert "merge_heads(x) has shape (2, 5, 2), it should be (2, 5, 6) [inputs of shape (2, 3, 5, 2)]" in printed
    _, printed = cell(RIGHT.replace("e / ", "2 * e / ") + "check(softmax, seed=1)")
    assert "the output[0] is" in printed
    assert "it should be" in printed
    assert "(5 of 5 differ) [inputs of shape (5,)]" in printed


def test_an_exception_is_told_with_the_learners_own_line(cell):
    _, printed = cell("def softmax(x, axis=-1):\n    y = x + 1\n    return y / np.zeros(99)\ncheck(softmax)")
    assert "✗ softmax: error." in printed
    assert "it raised ValueError: operands could not be broadcast" in printed
    assert "in line 3: return y / np.zeros(99)" in printed


def test_a_changed_input_is_told(cell):
    _, printed = cell(RIGHT.replace("    e = ", "    x -= 1\n    e = ") + "check(softmax)")
    assert "it changed its input: work on a copy" in printed


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ('weights.pop("feed_forward")', "it changed array 6 of its 13 inputs"),
        ('weights["mine"] = x', "it changed its input"),
        ('weights["feed_forward"] = None', "it changed array 6 of its 13 inputs"),
    ],
)
def test_a_changed_container_is_told(cell, spoil, words):
    source = f"def encoder_block(x, weights, *rest, **more):\n    {spoil}\n    return x\ncheck(encoder_block)"
    assert words in cell(source)[1]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ("None", "a NoneType"),
        ("'weights'", "a str"),
        ("[0.5, 0.5]", "a list"),
        ("x.astype(object)", "an array of object"),
        ("x + 1j", "an array of complex128"),
    ],
)
def test_a_result_of_the_wrong_kind_is_told(cell, result, words):
    _, printed = cell(f"def softmax(x, axis=-1):\n    return {result}\ncheck(softmax)")
    assert f"the output is {words}, it should be an array of numbers" in printed


def test_numpy_in_the_pytorch_wing_is_told(cell):
    _, printed = cell("def merge_heads_torch(x):\n    return np.zeros(3)\ncheck(merge_heads_torch)")
    assert "✗ merge_heads_torch: wrong." in printed
    assert "it returned a NumPy ndarray, the contract says a torch.Tensor" in printed


def test_a_detached_result_is_told(cell):
    names, printed = cell(
        "def softmax_torch(x, axis=-1):\n    x = x.detach()\n"
        "    e = (x - x.amax(axis, keepdim=True).nan_to_num(neginf=0)).exp()\n"
        "    return e / e.sum(axis, keepdim=True).clamp(min=1e-30)\n"
        "softmax_torch = check(softmax_torch)"
    )
    assert "its result carries no gradient" in printed
    assert names["softmax_torch"].__module__ == "headstart.in_torch.attention"


def test_lambdas_and_partials_are_known_by_the_name_they_are_held_under(cell):
    _, printed = cell(f"{RIGHT}\nmine = softmax\nsoftmax = lambda x, axis=-1: mine(x, axis)\ncheck(softmax)")
    assert printed.startswith("✓ softmax")
    _, printed = cell(f"import functools\n{RIGHT}\nsoftmax = functools.partial(softmax)\ncheck(softmax)")
    assert printed.startswith("✓ softmax")


def test_a_name_can_be_given(cell):
    _, printed = cell(RIGHT.replace("softmax", "mine") + "check(mine, 'softmax')")
    assert printed.startswith("✓ softmax")


def test_an_unknown_exercise_is_told_in_one_sentence(cell):
    with pytest.raises(UnknownExercise, match="there is no exercise called 'sofmax'"):
        cell(RIGHT.replace("softmax", "sofmax") + "check(sofmax)")


def test_a_class_is_checked(cell):
    names, printed = cell(
        "import torch\nclass MultiHeadAttention(torch.nn.Module):\n"
        "    def __init__(self, d_model, num_heads):\n        raise NotImplementedError\n"
        "MultiHeadAttention = check(MultiHeadAttention)"
    )
    assert printed.startswith("○ MultiHeadAttention: not attempted")
    assert names["MultiHeadAttention"].__module__ == "headstart.in_torch.multi_head"


def test_the_same_seed_draws_the_same_inputs_and_another_seed_others(cell):
    wrong = RIGHT.replace("x.max(axis", "0 * x.max(axis")
    first, again, other = (cell(f"{wrong}check(softmax, seed={seed})")[1] for seed in (3, 3, 4))
    assert first == again != other.replace("seed=4", "seed=3")


def tried(*laws):
    exercise = Exercise("made_up", "attention", "attention", ("in_numpy",))
    for law in laws:
        exercise.law(law)
    return hold(exercise, "in_numpy", local(lambda x: x, "in_numpy"), "made_up", 0)


def right(candidate, draw):
    """The answer is its input."""
    x = draw(3)
    agree(candidate(x), x)


def idle(candidate, draw):
    """Nothing is asked."""


def test_a_law_that_never_calls_the_answer_is_an_error():
    assert tried(right).verdict == "pass"
    trial = tried(right, idle)
    assert trial.verdict == "error"
    assert "never called the answer" in trial.message


def test_a_trial_without_laws_is_an_error():
    assert tried().verdict == "error"
    assert tried().message == "no law was run"
