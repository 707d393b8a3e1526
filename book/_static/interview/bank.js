// Filters the question bank. Entries say what they are in their classes: level-core, asks-derive, chapter-03, from-004.

const KINDS = { chapter: "chapter", level: "level", asks: "kind", from: "document" };
const entries = [...document.querySelectorAll(".entry")];
const filter = document.getElementById("filter");

/** The values that a kind of class takes in the bank, in order. */
const valuesOf = (kind) => {
  const named = entries.flatMap((entry) => [...entry.classList]).filter((name) => name.startsWith(`${kind}-`));
  const order = ["core", "deep", "frontier"]; // levels by difficulty, everything else by name
  return [...new Set(named.map((name) => name.slice(kind.length + 1)))].sort(
    (one, other) => order.indexOf(one) - order.indexOf(other) || one.localeCompare(other),
  );
};

/** The name of a chapter as its entries show it. */
const shown = (kind, value) => {
  if (kind !== "chapter") return value;
  const facts = [...document.querySelectorAll(`.entry.chapter-${value} .fact`)].map((fact) => fact.textContent);
  return facts.find((fact) => fact.startsWith(`${value} `)) ?? value;
};

const choice = (kind) => {
  const label = document.createElement("label");
  const select = document.createElement("select");
  select.name = kind;
  select.add(new Option("all", ""));
  valuesOf(kind).forEach((value) => select.add(new Option(shown(kind, value), value)));
  label.append(KINDS[kind], select);
  return label;
};

/** Show the entries that have every chosen class and every word of the query, and say how many these are. */
const apply = () => {
  const words = filter.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
  const wanted = [...filter.querySelectorAll("select")].filter((each) => each.value);
  entries.forEach((entry) => {
    const text = entry.textContent.toLowerCase();
    const fits = wanted.every(({ name, value }) => entry.classList.contains(`${name}-${value}`));
    entry.hidden = !fits || !words.every((word) => text.includes(word));
  });
  const count = entries.filter((entry) => !entry.hidden).length;
  filter.querySelector("output").textContent = `${count} of ${entries.length} questions`;
};

const search = document.createElement("label");
const input = Object.assign(document.createElement("input"), { type: "search", placeholder: "mask, 注意力, …" });
search.append("words", input);
const print = Object.assign(document.createElement("button"), { type: "button", textContent: "Print this selection" });
print.addEventListener("click", () => window.print());
const count = document.createElement("output");
filter.append(search, ...Object.keys(KINDS).map(choice), print, count);
filter.addEventListener("input", apply);
filter.hidden = false;
apply();
