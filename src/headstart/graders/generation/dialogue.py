"""Which rows of a dialogue are trained on: laws, known mistakes, accepted styles."""

import numpy as np

from headstart.graders.kit import again, exercise
from headstart.graders.stability.witness import same_mask

assistant_loss_mask = exercise("assistant_loss_mask", "dialogue", chapter="generation", wings=("in_numpy",))

USER, ASSISTANT, END = 11, 12, 13


def dialogue_by_loops(tokens, header, end):
    """One row after another, remembering who speaks."""
    out = np.zeros((*tokens.shape[:-1], tokens.shape[-1] - 1), dtype=bool)
    for at in np.ndindex(tokens.shape[:-1]):
        speaking = False
        for t, token in enumerate(tokens[at][:-1]):
            speaking = token == header or (speaking and token != end)
            out[(*at, t)] = speaking
    return out


def draw_dialogue(draw, T, turns=6):
    """Turns of both, of random length, in random order, cut off at T tokens."""
    tokens = []
    for _ in range(turns):
        text = draw.rng.integers(10, size=draw.rng.integers(0, 4))
        tokens += [draw.rng.choice([USER, ASSISTANT]), *text, END]
    return np.array((tokens + [0] * T)[:T])


@assistant_loss_mask.law
def the_assistants_tokens_are_the_targets(candidate, draw):
    """Row t counts if token t + 1 is text of an assistant's turn or the end that closes it."""
    for T in again(14, 9, 2):
        tokens = draw_dialogue(draw, T)
        what = f"the mask of {tokens.tolist()} (header {ASSISTANT}, end {END})"
        same_mask(candidate(tokens, ASSISTANT, END), dialogue_by_loops(tokens, ASSISTANT, END), what)


@assistant_loss_mask.law
def from_the_header_to_the_end(candidate, draw):
    """The header's row is the first of an answer, its last token's row, which must score the end, the last."""
    tokens = np.array([USER, 1, 2, END, ASSISTANT, 3, 4, END, USER, 5, END, ASSISTANT, END, USER, 6])
    want = np.isin(np.arange(14), (4, 5, 6, 11))
    same_mask(candidate(tokens, ASSISTANT, END), want, f"the mask of {tokens.tolist()} (header 12, end 13)")
    begun = np.array([1, 2, ASSISTANT])
    same_mask(candidate(begun, ASSISTANT, END), np.array([False, False]), f"the mask of {begun.tolist()}")
    same_mask(candidate(tokens, USER, END), np.isin(np.arange(14), (0, 1, 2, 8, 9, 13)), "the mask of the other side")


@assistant_loss_mask.law
def dialogues_of_a_batch_are_apart(candidate, draw):
    """Each dialogue of a batch gets its own mask, for any leading axes; one that nobody opened gets none."""
    tokens = np.stack([draw_dialogue(draw, 12) for _ in range(6)])
    tokens[2] = np.where(tokens[2] == ASSISTANT, USER, tokens[2])
    tokens[1, -1] = ASSISTANT  # cut off behind a header: the next dialogue is another
    for batch in (tokens, tokens.reshape(2, 3, 12), tokens[:1]):
        same_mask(candidate(batch, ASSISTANT, END), dialogue_by_loops(batch, ASSISTANT, END), "the masks of a batch")


def speaking(tokens, header, end):
    """True at the tokens of the assistant's turns, text and end."""
    out = np.zeros(tokens.shape, dtype=bool)
    out[..., 1:] = dialogue_by_loops(tokens, header, end)
    return out


@assistant_loss_mask.mutant("off by one: the rows OF the assistant's tokens instead of the rows that score them")
def rows_not_targets(tokens, header, end):
    return speaking(tokens, header, end)[..., :-1]


@assistant_loss_mask.mutant("the end token not trained: the model never learns to stop")
def end_left_out(tokens, header, end):
    return dialogue_by_loops(tokens, header, end) & (tokens[..., 1:] != end)


@assistant_loss_mask.mutant("every token trained, the user's too")
def everything(tokens, header, end):
    return np.ones((*tokens.shape[:-1], tokens.shape[-1] - 1), dtype=bool)


@assistant_loss_mask.mutant("trained from the first answer to the end of the dialogue: turns are not closed")
def never_closed(tokens, header, end):
    return np.maximum.accumulate(tokens == header, axis=-1)[..., :-1]


@assistant_loss_mask.mutant("the mask inverted: the user's tokens are trained")
def the_other_side(tokens, header, end):
    return ~dialogue_by_loops(tokens, header, end)


@assistant_loss_mask.mutant("a mask of T instead of T - 1 rows: the last row has no next token")
def one_row_too_many(tokens, header, end):
    last = tokens[..., -1:]
    return dialogue_by_loops(np.concatenate([tokens, last], -1), header, end)


@assistant_loss_mask.mutant("the last answer alone: those of earlier turns are left out")
def last_answer_alone(tokens, header, end):
    mask = dialogue_by_loops(tokens, header, end)
    later = np.cumsum((tokens == header)[..., ::-1], axis=-1)[..., ::-1]  # headers at or behind each token
    return mask & (later[..., 1:] == 0)


@assistant_loss_mask.style
def mask_by_a_loop(tokens, header, end):
    """A loop over time for the whole batch at once."""
    state, rows = np.zeros(tokens.shape[:-1], dtype=bool), []
    for t in range(tokens.shape[-1] - 1):
        state = (tokens[..., t] == header) | (state & (tokens[..., t] != end))
        rows.append(state)
    return np.stack(rows, axis=-1)


@assistant_loss_mask.style
def mask_by_counting(tokens, header, end):
    """Turns numbered by counting ends, and each asked whether it was opened by the header."""
    marks = np.where(tokens == header, 1, np.where(tokens == end, -1, 0))
    out = np.zeros(tokens.shape, dtype=bool)
    for at in np.ndindex(tokens.shape[:-1]):
        opened = np.flatnonzero(marks[at] == 1)
        for start in opened:
            ends = np.flatnonzero(marks[at][start:] == -1)
            out[at][start : start + (ends[0] if len(ends) else len(marks[at]))] = True
    return out[..., :-1]
