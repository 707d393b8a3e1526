// The mock interview: draws questions, shows one at a time against the clock, and remembers what was weak.

const MINUTES = { concept: 3, debug: 4, derive: 4, code: 5, design: 6 }; // for a question of each kind
const LEVELS = { junior: ["core"], senior: ["core", "deep"], staff: ["core", "deep", "frontier"] };
const stage = document.getElementById("mock");
const cards = [...document.getElementById("cards").content.querySelectorAll(".flashcard")];
let history = History.load();

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};
const button = (text, act) => make("button", { type: "button", textContent: text, onclick: act });
const value = (card, kind) => [...card.classList].filter((name) => name.startsWith(`${kind}-`)).map((n) => n.slice(kind.length + 1));
const minutesOf = (card) => Math.max(...value(card, "asks").map((kind) => MINUTES[kind]));
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

/** Replace what is on the stage and let the keyboard begin at its heading. */
const show = (heading, ...content) => {
  const title = make("h2", { textContent: heading, tabIndex: -1 });
  stage.replaceChildren(title, ...content);
  title.focus();
};

/** Lower comes first: what is due, then what is new, then the rest; chance decides among equals. */
const urgency = (card) => {
  const known = history.cards[card.id];
  return (known ? (known.due <= Date.now() ? 0 : 2) : 1) + Math.random();
};

/** Cards for so many minutes: each time the most urgent one of a chapter that has been asked least. */
const draw = (minutes, level) => {
  const fits = (card) => value(card, "level").some((each) => LEVELS[level].includes(each));
  const queue = cards.filter(fits).map((card) => [urgency(card), card]).sort(([a], [b]) => a - b).map(([, card]) => card);
  const asked = {};
  const drawn = [];
  for (let left = minutes; queue.length; ) {
    const often = (card) => asked[value(card, "chapter")[0]] ?? 0;
    const least = Math.min(...queue.map(often));
    const [card] = queue.splice(queue.findIndex((each) => often(each) === least), 1);
    if (minutesOf(card) > left) continue;
    left -= minutesOf(card);
    asked[value(card, "chapter")[0]] = often(card) + 1;
    drawn.push(card);
  }
  return drawn;
};

const choices = (name, options, chosen) =>
  make("fieldset", {}, make("legend", { textContent: name }), ...options.map((option) =>
    make("label", {}, make("input", { type: "radio", name, value: option, checked: option === chosen }), ` ${option} `)));

/** The first screen: choose and start; below it the history. */
const begin = (message = "") => {
  const form = make("form", {}, choices("minutes", ["30", "45", "60"], "30"), choices("level", Object.keys(LEVELS), "senior"),
    make("button", { textContent: "Start" }));
  form.onsubmit = (event) => {
    event.preventDefault();
    const { minutes, level } = Object.fromEntries(new FormData(form));
    const interview = { at: Date.now(), minutes: Number(minutes), level, asked: 0, points: 0, of: 0, results: [] };
    ask(interview, draw(interview.minutes, level));
  };
  show("A new interview", form, make("p", { role: "status", textContent: message }), ...past());
};

/** One question: the clock runs, the answer waits until it is asked for. */
const ask = (interview, queue) => {
  if (!queue.length) return end(interview);
  const card = document.importNode(queue[0], true);
  const started = Date.now();
  const time = make("p", { className: "clock" });
  const tick = () => {
    const own = minutesOf(card) * 60 - (Date.now() - started) / 1000;
    const whole = interview.minutes * 60 - (Date.now() - interview.at) / 1000;
    time.textContent = `${own > 0 ? clock(own) : "no time"} left for this question, ${whole > 0 ? clock(whole) : "no time"} for all`;
  };
  const ticking = setInterval(() => (time.isConnected ? tick() : clearInterval(ticking)), 1000);
  card.querySelector(".chapter").remove();
  const question = [card.querySelector(".title"), card.querySelector(".wording")];
  const leave = button("End the interview", () => end(interview));
  const reveal = button("Show the answer", () => mark(interview, queue, card, question));
  show(`Question ${interview.asked + 1} of ${interview.asked + queue.length}`, time, ...question, reveal, " ", leave);
  typeset();
  tick();
};

/** The answer, and the rubric's points to tick. */
const mark = (interview, queue, card, question) => {
  const rubric = card.querySelector(".rubric");
  const boxes = [...rubric.querySelectorAll("li")].map((point) => {
    const box = make("input", { type: "checkbox" });
    point.replaceChildren(make("label", {}, box, " ", ...(point.querySelector("p") ?? point).childNodes));
    return box;
  });
  const next = button(queue.length > 1 ? "Next question" : "Finish", () => {
    keep(interview, card, boxes.filter((box) => box.checked).length, boxes.length);
    ask(interview, queue.slice(1));
  });
  show(`Answer to question ${interview.asked + 1}`, ...question, card, next);
  typeset();
};

/** Write down how it went, at once, so that closing the page loses no answer. */
const keep = (interview, card, ticked, points) => {
  const known = history.cards[card.id] ?? Schedule.NEW;
  const state = Schedule.after(known, Schedule.grade(ticked, points), Date.now());
  history.cards[card.id] = { ...state, share: ticked / points };
  Object.assign(interview, { asked: interview.asked + 1, points: interview.points + ticked, of: interview.of + points });
  interview.results.push([card.querySelector(".title")?.textContent ?? titleOf(card.id), ticked, points]);
  const { results, ...session } = interview;
  history.sessions = [...history.sessions.filter(({ at }) => at !== session.at), session];
  History.save(history);
};

const titleOf = (id) => cards.find((card) => card.id === id).querySelector(".title").textContent;

const end = (interview) => {
  const rows = interview.results.map(([title, ticked, points]) => make("li", { textContent: `${ticked} of ${points}: ${title}` }));
  const sum = interview.of ? `${interview.points} of ${interview.of} points in ${clock((Date.now() - interview.at) / 1000)} minutes.` : "Nothing was answered.";
  show("How it went", make("p", { textContent: sum }), make("ul", {}, ...rows), button("Back to the start", () => begin()));
};

/** Earlier interviews, chapters from weak to strong, what is due, and the history as a file. */
const past = () => {
  const due = Object.values(history.cards).filter((card) => card.due <= Date.now()).length;
  const sessions = history.sessions.map((each) => make("li", { textContent:
    `${new Date(each.at).toLocaleString()}: ${each.minutes} minutes, ${each.level}, ${each.points} of ${each.of} points in ${each.asked} questions` }));
  const said = History.homeless ? "This browser keeps nothing: take the history along as a file. " : "";
  return [
    make("h2", { textContent: "History" }),
    make("p", { textContent: `${said}${Object.keys(history.cards).length} of ${cards.length} questions answered, ${due} due again now.` }),
    weakest(), make("ul", {}, ...sessions.reverse()), ...files(),
  ];
};

/** The share of points made in each chapter, weakest first. */
const weakest = () => {
  const shares = {};
  cards.filter((card) => history.cards[card.id]).forEach((card) => {
    (shares[card.querySelector(".chapter").textContent] ??= []).push(history.cards[card.id].share);
  });
  const mean = (list) => list.reduce((sum, each) => sum + each, 0) / list.length;
  const rows = Object.entries(shares).map(([chapter, list]) => [mean(list), chapter, list.length]).sort(([a], [b]) => a - b);
  const cell = (tag) => (text) => make(tag, { textContent: text });
  const lines = rows.map(([share, chapter, count]) => make("tr", {}, ...[chapter, `${Math.round(100 * share)} %`, count].map(cell("td"))));
  if (!lines.length) return "";
  return make("table", { className: "table" }, make("thead", {}, make("tr", {}, ...["chapter, weakest first", "points made", "questions"].map(cell("th")))), make("tbody", {}, ...lines));
};

const files = () => {
  const save = button("Export the history", () => {
    const file = new Blob([JSON.stringify(history)], { type: "application/json" });
    const link = make("a", { href: URL.createObjectURL(file), download: "headstart-history.json" });
    link.click();
    URL.revokeObjectURL(link.href);
  });
  const input = make("input", { type: "file", accept: ".json,application/json" });
  input.onchange = async () => {
    try {
      history = History.read(await input.files[0].text());
      History.save(history);
      begin("The history was imported.");
    } catch (error) {
      begin(error.message);
    }
  };
  const forget = button("Forget everything", () => {
    if (!confirm("Forget every answer and every interview?")) return;
    history = History.empty();
    History.save(history);
    begin("The history is empty.");
  });
  return [save, " ", make("label", { className: "file" }, "Import a history ", input), " ", forget];
};

/** Formulas that came out of the template are set when they are first shown. */
const typeset = () => window.MathJax?.startup?.promise?.then(() => MathJax.typesetPromise([stage]));

begin();
