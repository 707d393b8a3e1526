// CodeMirror, set up for a short piece of Python. Its colours are those of try.css, light and dark.

import * as cm from "../vendor/codemirror/codemirror.js";

const { tags } = cm;
const STYLE = cm.HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword], class: "try-keyword" },
  { tag: [tags.string, tags.special(tags.string)], class: "try-string" },
  { tag: tags.comment, class: "try-comment" },
  { tag: [tags.number, tags.bool, tags.null], class: "try-number" },
]);

/** An editor in `parent` that holds `text`; `run` is called on Ctrl-Enter, `keep` with every change. */
export const editor = (parent, text, { exercise, run, keep }) => {
  const runKey = { key: "Mod-Enter", run: () => (run(), true) };
  const view = new cm.EditorView({
    parent,
    state: cm.EditorState.create({
      doc: text,
      extensions: [
        cm.lineNumbers(),
        cm.history(),
        cm.bracketMatching(),
        cm.indentUnit.of("    "),
        cm.StreamLanguage.define(cm.python),
        cm.syntaxHighlighting(STYLE),
        cm.keymap.of([runKey, ...cm.defaultKeymap, ...cm.historyKeymap, cm.indentWithTab]),
        cm.EditorView.lineWrapping,
        cm.EditorView.contentAttributes.of({
          "aria-label": `Python: your answer to ${exercise}`,
          "aria-describedby": `try-help-${exercise}`,
        }),
        cm.EditorView.updateListener.of((update) => update.docChanged && keep(update.state.doc.toString())),
      ],
    }),
  });
  return {
    text: () => view.state.doc.toString(),
    replace: (words) => {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: words } });
      view.focus(); // Ctrl-Z brings back what was there
    },
  };
};
