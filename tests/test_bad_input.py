"""Bad input gets one clear sentence from the reference, in both wings: nothing is broadcast by accident."""

import inspect

import contracts
import pytest

from headstart.contract import shapes
from headstart.graders import exercises
from headstart.judge.course import printed, reference

REFERENCES = [pytest.param(e, wing, id=printed(e, wing)) for e in exercises().values() for wing in e.wings]


@pytest.mark.parametrize(("exercise", "wing"), REFERENCES)
def test_reference_refuses_what_its_contract_excludes(exercise, wing):
    answer = reference(exercise, wing)
    assert contracts.cases(answer, wing), "its docstring has no shape table"
    assert contracts.accepted(answer, wing) == []


@pytest.mark.parametrize(("exercise", "wing"), REFERENCES)
def test_every_argument_has_its_row_in_the_shape_table(exercise, wing):
    answer = reference(exercise, wing)
    contract = getattr(answer, "forward", answer)
    assert set(inspect.signature(contract).parameters) - {"self"} <= contracts.documented(inspect.getdoc(contract))


def test_bad_input_is_found_where_nothing_is_checked():
    def careless(q, k):
        """q, k  (..., T, d_head)"""
        return q

    def careful(q, k):
        """q, k  (..., T, d_head)"""
        return q

    assert len(contracts.accepted(careless, "in_numpy")) == 10
    assert contracts.accepted(shapes(q="... T d_head", k="... T d_head")(careful), "in_numpy") == []
