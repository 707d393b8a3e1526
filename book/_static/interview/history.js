// What the reader has answered: kept in this browser alone, taken along as a file.
// { cards: { id: { ease, interval, repetitions, due, share } }, sessions: [{ at, minutes, level, asked, points, of }] }

const KEY = "headstart-mock-interview";

const History = {
  empty: () => ({ version: 1, cards: {}, sessions: [] }),

  load() {
    try {
      return History.read(localStorage.getItem(KEY) ?? "");
    } catch {
      return History.empty();
    }
  },

  save(history) {
    try {
      localStorage.setItem(KEY, JSON.stringify(history));
    } catch {
      History.homeless = true; // a browser that keeps nothing: the page says so
    }
  },

  /** A history from text. Throws an Error with a sentence if it is none. */
  read(text) {
    let found;
    try {
      found = JSON.parse(text);
    } catch {
      throw new Error("This file is no history: it is not JSON.");
    }
    if (found?.version !== 1 || !Array.isArray(found.sessions) || !found.sessions.every(History.isSession))
      throw new Error("This file is no history of a mock interview.");
    if (typeof found.cards !== "object" || !Object.values(found.cards ?? {}).every(History.isCard))
      throw new Error("This file is no history of a mock interview: a card is not as it should be.");
    return { version: 1, cards: { ...found.cards }, sessions: found.sessions };
  },

  isCard: (card) => ["ease", "interval", "repetitions", "due", "share"].every((key) => Number.isFinite(card?.[key])),

  isSession: (each) =>
    ["at", "minutes", "asked", "points", "of"].every((key) => Number.isFinite(each?.[key])) &&
    typeof each.level === "string",
};
