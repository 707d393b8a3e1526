// Search from a folder as from a server, and questions first. Sphinx's own search only offers a title that the query
// fills by half; here every question is offered whose title or Chinese wording holds all the words of the query.

// A page opened from a folder may not read its neighbours, so there are no excerpts there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

const QUESTIONS = "book/questions/";

/** The questions of the index: [file number, anchor, title as shown, text to search in]. */
const questionTitles = ({ docnames, titles, alltitles, indexentries }) => {
  const found = new Map();
  const enter = (places, text) =>
    places
      .filter(([file, anchor]) => anchor && docnames[file].startsWith(QUESTIONS))
      .forEach(([file, anchor]) => {
        const [, , title, words] = found.get(file + anchor) ?? [0, 0, text, ""];
        found.set(file + anchor, [file, anchor, title, `${words} ${text.toLowerCase()}`]);
      });
  Object.entries(alltitles).forEach(([title, places]) => enter(places, title));
  Object.entries(indexentries).forEach(([wording, places]) => enter(places, wording));
  return [...found.values()];
};

document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const search = Search._performSearch;
  Search._performSearch = (query, terms, ...others) => {
    const { docnames, filenames, titles } = Search._index;
    const stemmer = new Stemmer();
    const words = (text) => splitQuery(text).map((word) => stemmer.stemWord(word));
    const questions = questionTitles(Search._index)
      .filter(([, , , text]) => [...terms].every((term) => words(text).includes(term)))
      .sort((one, other) => other[2].length - one[2].length) // what comes last is shown first: the shortest title
      .map(([file, anchor, title]) => [docnames[file], title, `#${anchor}`, titles[file], 100, filenames[file]]);
    const isQuestion = (result) => questions.some((each) => each[0] === result[0] && each[2] === result[2]);
    return [...search(query, terms, ...others).filter((each) => !isQuestion(each)), ...questions];
  };
});
