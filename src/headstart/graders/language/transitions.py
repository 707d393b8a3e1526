"""Which tag may follow which: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import agree, exercise, expect

bio_transitions = exercise("bio_transitions", "tagging", chapter="language", wings=("in_numpy",))


def transitions_by_words(num_types):
    """The table from tags written as words."""
    words = ["O"] + [f"{letter}-{k}" for k in range(num_types) for letter in "BI"]
    table = [[not b.startswith("I") or a in (b, "B" + b[1:]) for b in words] for a in words]
    return np.array(table)


def same_table(got, want):
    """Raise Broken unless it is the same boolean table."""
    expect(np.asarray(got).dtype == bool, f"the table is {np.asarray(got).dtype}, it should be boolean")
    agree(got, want, "the table")


@bio_transitions.law
def inside_follows_its_own_type(candidate, draw):
    """I of a type may follow B or I of that type and nothing else; O and B may follow anything."""
    for num_types in (1, 2, 3, 5):
        same_table(candidate(num_types), transitions_by_words(num_types))


@bio_transitions.law
def no_text_begins_inside(candidate, draw):
    """In row 0, which is asked at the beginning too, no I is allowed, and O and every B are."""
    for num_types in (1, 4):
        same_table(np.asarray(candidate(num_types))[0], np.array([True] + [True, False] * num_types))


@bio_transitions.law
def as_many_as_there_should_be(candidate, draw):
    """Of n² pairs (n tags) the n·num_types pairs that end in I are forbidden, but for two for each type."""
    for num_types in (1, 3, 7):
        n = 2 * num_types + 1
        want = n * n - n * num_types + 2 * num_types
        agree(int(np.asarray(candidate(num_types)).sum()), want, f"{num_types} types: the number of allowed pairs")


@bio_transitions.law
def at_least_one_type(candidate, draw):
    """Fewer than one type is refused by an exception."""
    for num_types in (0, -1):
        expect(candidate.refuses(num_types), f"it took num_types = {num_types}, it should raise ValueError")


def table_with(rule):
    """A table from a rule over (letter, type) pairs."""

    def table(num_types):
        assert num_types > 0, "no types"
        tags = [("O", None)] + [(letter, k) for k in range(num_types) for letter in "BI"]
        return np.array([[rule(a, b) for b in tags] for a in tags])

    return table


def right_rule(a, b):
    """May tag b follow tag a?"""
    return b[0] != "I" or (a[0] != "O" and a[1] == b[1])


@bio_transitions.mutant("the table transposed: [i, j] says whether tag i may follow tag j")
def asks_backwards(num_types):
    return table_with(right_rule)(num_types).T


@bio_transitions.mutant("I allowed after any B or I: a span that changes its type on the way")
def any_type_goes_on(num_types):
    return table_with(lambda a, b: b[0] != "I" or a[0] != "O")(num_types)


@bio_transitions.mutant("I allowed after O: the older scheme IOB1, in which spans may begin with I")
def begins_inside(num_types):
    return table_with(lambda a, b: right_rule(a, b) or a[0] == "O")(num_types)


@bio_transitions.mutant("I allowed after B alone: no span may be longer than two tokens")
def only_after_begin(num_types):
    return table_with(lambda a, b: b[0] != "I" or a == ("B", b[1]))(num_types)


@bio_transitions.mutant("I allowed after I alone: no span can get beyond its first token")
def only_after_inside(num_types):
    return table_with(lambda a, b: b[0] != "I" or a == b)(num_types)


@bio_transitions.mutant("B forbidden inside a span: two spans cannot stand side by side")
def no_neighbours(num_types):
    return table_with(lambda a, b: right_rule(a, b) and not (b[0] == "B" and a[0] != "O"))(num_types)


@bio_transitions.mutant(
    "tags in another order: all B before all I, where the contract has B and I of a type side by side"
)
def begins_first(num_types):
    assert num_types > 0, "no types"
    tags = [("O", None)] + [(letter, k) for letter in "BI" for k in range(num_types)]
    return np.array([[right_rule(a, b) for b in tags] for a in tags])


@bio_transitions.mutant("a table that marks what is forbidden: inverted")
def marks_the_forbidden(num_types):
    return ~table_with(right_rule)(num_types)


@bio_transitions.style
def filled_by_slices(num_types):
    """Everything allowed, the columns of I forbidden, two entries of each allowed again."""
    if num_types < 1:
        raise ValueError("no types")
    allowed = np.full((2 * num_types + 1, 2 * num_types + 1), True)
    allowed[:, 2::2] = False
    for k in range(num_types):
        allowed[2 * k + 1 : 2 * k + 3, 2 * k + 2] = True
    return allowed
