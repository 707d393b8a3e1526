// What opens under a stub: an editor, a button that has the answer judged, and the judge's words.

import { editor } from "./editor.js";
import { judge, site, stop } from "./judge.js";

const HELP = "Tab indents; Escape and then Tab leaves the editor. What you write stays in this browser.";
const HERE = "Here: math";
const NO_PYTHON = "This copy of the book came without Python, so answers cannot be checked in its pages.";
const NO_NUMPY =
  "This copy of the book came without NumPy, so this exercise cannot be checked in the page; " +
  "those that count in plain Python can.";

const parts = (exercise) => {
  const root = document.createElement("div");
  root.className = "try-panel";
  root.setAttribute("role", "group");
  root.setAttribute("aria-label", `Your answer to ${exercise}`);
  root.innerHTML = `
    <div class="try-editor"></div>
    <p class="try-help" id="try-help-${exercise}"></p>
    <div class="try-buttons">
      <button type="button" class="try-check">Check my answer</button>
      <button type="button" class="try-stop" disabled>Stop</button>
      <button type="button" class="try-reset">Back to the stub</button>
    </div>
    <pre class="try-result" role="status"></pre>`;
  const find = (name) => root.querySelector(`.try-${name}`);
  return { root, find };
};

/** Text that is kept on this device alone, under the exercise's name; without a store it is not kept. */
const memory = (exercise, stub) => {
  const key = `headstart:try:${exercise}`;
  const store = (act) => {
    try {
      return act(localStorage);
    } catch {
      return null;
    }
  };
  return {
    text: () => store((all) => all.getItem(key)) ?? stub,
    keep: (text) => store((all) => (text === stub ? all.removeItem(key) : all.setItem(key, text))),
  };
};

/** Why answers to the exercise cannot be checked here, or "". */
const obstacle = async (isOnArrays) => {
  const { python, numpy } = await site();
  return python ? (isOnArrays && !numpy ? NO_NUMPY : "") : NO_PYTHON;
};

const words = ({ story, printed }) => (printed ? `${story}\n\nYour code printed:\n${printed}` : story);

/** Make the panel of an exercise; `arrays` and `needs` say what an answer may use. */
export const panel = async ({ exercise, needs, arrays }, stub) => {
  const { root, find } = parts(exercise);
  const [check, halt, result, kept] = [find("check"), find("stop"), find("result"), memory(exercise, stub)];
  const isOnArrays = arrays !== undefined;

  const run = async () => {
    if (check.disabled) return;
    check.disabled = true;
    halt.disabled = false;
    root.dataset.verdict = "";
    const told = await judge(exercise, code.text(), (news) => (result.textContent = news));
    if (document.activeElement === halt) check.focus();
    [check.disabled, halt.disabled] = [false, true];
    root.dataset.verdict = told.verdict ?? "";
    result.textContent = words(told);
  };

  const names = [...(isOnArrays ? ["NumPy as np"] : []), ...needs.split(" ").filter((name) => name)];
  find("help").textContent = `${[HERE, ...names].join(", ")}. ${HELP}`;
  const code = editor(find("editor"), kept.text(), { exercise, run, keep: kept.keep });
  check.addEventListener("click", run);
  halt.addEventListener("click", () => stop("Stopped."));
  find("reset").addEventListener("click", () => code.replace(stub));
  const reason = await obstacle(isOnArrays);
  check.hidden = halt.hidden = reason !== "";
  result.textContent = reason;
  return root;
};
