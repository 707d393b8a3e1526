"""The question bank and the mock interview in Chromium, from a folder: filter, draw, clock, reveal, tick, history."""

import json

import pytest
from browser.test_reader import AXE, AXE_RUN, DESK, NOT_OURS, PHONE, SETTLED, TOO_WIDE

BANK, MOCK = "book/question_bank.html", "book/mock_interview.html"
POINTS = "#mock input[type=checkbox]"


@pytest.fixture
def mock(page, folder):
    """The mock interview, opened afresh in a browser without a history."""
    page.goto(folder + MOCK)
    return page


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def answer(page, ticks):
    """Answer the question on the stage with so many points of the rubric."""
    press(page, "Show the answer")
    boxes = page.locator(POINTS)
    for n in range(min(ticks, boxes.count())):
        boxes.nth(n).check()
    page.locator("#mock > button", has_text="Next question").or_(
        page.locator("#mock > button", has_text="Finish")
    ).click()


def kept(page):
    return json.loads(page.evaluate("localStorage.getItem('headstart-mock-interview')"))


def test_the_bank_is_filtered_by_words_chapter_level_and_kind(page, folder):
    page.goto(folder + BANK)
    entries, said = page.locator(".entry:visible"), page.locator("#filter output")
    whole = entries.count()
    assert said.inner_text() == f"{whole} of {whole} questions"
    page.get_by_label("words").fill("注意力 区别")
    assert 0 < entries.count() < whole
    assert all("区别" in text for text in entries.all_inner_texts())
    page.get_by_label("words").fill("")
    page.get_by_label("level").select_option("frontier")
    page.get_by_label("chapter").select_option("05")
    assert entries.count() == page.locator(".entry.level-frontier.chapter-05").count() > 0
    assert said.inner_text() == f"{entries.count()} of {whole} questions"
    entries.first.get_by_role("link").click()
    assert "/questions/05_positions.html#q-" in page.url


def test_the_answer_waits_until_it_is_asked_for(mock):
    mock.get_by_label("60").check()
    mock.get_by_label("junior").check()
    press(mock, "Start")
    assert mock.locator("#mock .title").inner_text()
    assert mock.locator("#mock .part").count() == 0
    assert mock.evaluate("document.activeElement.textContent").startswith("Question 1 of ")
    press(mock, "Show the answer")
    leads = mock.locator("#mock .part > p:first-child > strong:first-child").all_inner_texts()
    assert leads == ["Say.", "Show.", "Trap.", "Next.", "Rubric."]
    assert mock.locator(POINTS).count() >= 3
    assert mock.faults == []


def test_the_clock_runs(mock):
    mock.clock.install(time=0)
    mock.reload()
    mock.clock.pause_at(600_000)
    press(mock, "Start")
    assert mock.locator(".clock").inner_text().endswith("30:00 for all")
    mock.clock.run_for(5_000)
    assert mock.locator(".clock").inner_text().endswith("29:55 for all")
    mock.clock.run_for(31 * 60_000)
    assert mock.locator(".clock").inner_text() == "no time left for this question, no time for all"


def test_questions_fit_the_minutes_and_come_from_many_chapters(mock):
    drawn = mock.evaluate("draw(45, 'staff').map((card) => [minutesOf(card), card.className])")
    assert 40 <= sum(minutes for minutes, _ in drawn) <= 45
    chapters = [next(name for name in names.split() if name.startswith("chapter-")) for _, names in drawn]
    assert len(set(chapters)) >= min(len(chapters), 6) - 1
    levels = mock.evaluate("draw(60, 'junior').every((card) => card.classList.contains('level-core'))")
    assert levels is True


def test_a_reload_keeps_the_history_and_what_was_weak_comes_first(mock):
    press(mock, "Start")
    answer(mock, 0)
    answer(mock, 9)
    history = kept(mock)
    assert [session["asked"] for session in history["sessions"]] == [2]
    weak, strong = sorted(history["cards"].values(), key=lambda card: card["share"])
    assert (weak["share"], strong["share"], weak["repetitions"], strong["repetitions"]) == (0, 1, 0, 1)
    mock.reload()
    assert "2 of " in mock.locator("#mock").inner_text()
    assert "in 2 questions" in mock.locator("#mock li").first.inner_text()
    due = "Object.values(history.cards).forEach((card) => { card.due = card.share ? Date.now() + 1e9 : 1 })"
    assert mock.evaluate(f"({due}, history.cards[draw(30, 'staff')[0].id].share)") == 0


def test_repetition_follows_sm2(mock):
    steps = (
        "[5, 5, 5, 2].reduce((all, grade) => [...all, Schedule.after(all.at(-1), grade, 0)], [Schedule.NEW]).slice(1)"
    )
    states = mock.evaluate(steps)
    assert [state["interval"] for state in states] == [1, 6, 16, 1]  # 6 · 2.7 = 16.2; a failure starts again
    assert [round(state["ease"], 2) for state in states] == [2.6, 2.7, 2.8, 2.48]
    assert [state["due"] for state in states] == [state["interval"] * 24 * 3600 * 1000 for state in states]
    assert mock.evaluate("[0, 2, 3, 5].map((ticked) => Schedule.grade(ticked, 5))") == [0, 2, 3, 5]


def test_the_history_leaves_and_comes_back_as_a_file(mock, tmp_path):
    press(mock, "Start")
    answer(mock, 1)
    press(mock, "End the interview")
    press(mock, "Back to the start")
    with mock.expect_download() as download:
        press(mock, "Export the history")
    saved = tmp_path / "history.json"
    download.value.save_as(saved)
    before = kept(mock)
    mock.on("dialog", lambda dialog: dialog.accept())
    press(mock, "Forget everything")
    assert kept(mock)["cards"] == {}
    mock.get_by_label("Import a history").set_input_files(saved)
    mock.get_by_text("The history was imported.").wait_for()
    assert kept(mock) == before


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 1, "sessions": [], "cards": {"q": {"due": "soon"}}}'])
def test_a_file_that_is_no_history_is_refused(mock, tmp_path, text):
    (tmp_path / "bad.json").write_text(text)
    mock.get_by_label("Import a history").set_input_files(tmp_path / "bad.json")
    mock.get_by_text("This file is no history").wait_for()
    assert mock.faults == []


def test_the_keyboard_is_enough(mock):
    mock.get_by_role("button", name="Start").focus()
    mock.keyboard.press("Enter")
    mock.keyboard.press("Tab")
    mock.keyboard.press("Enter")
    assert mock.evaluate("document.activeElement.textContent") == "Answer to question 1"
    mock.locator(POINTS).first.focus()
    mock.keyboard.press("Space")
    assert mock.locator(POINTS).first.is_checked()


def test_everybody_can_use_them(page, folder):
    for size, scheme in ((DESK, "dark"), (PHONE, "light")):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.goto(folder + BANK)
        page.evaluate(SETTLED)
        page.evaluate(AXE)
        assert page.evaluate(AXE_RUN, NOT_OURS) == []
        page.goto(folder + MOCK)
        press(page, "Start")
        press(page, "Show the answer")
        page.evaluate(SETTLED)
        page.evaluate(AXE)
        assert page.evaluate(AXE_RUN, NOT_OURS) == []
        assert page.evaluate(TOO_WIDE) <= 0
