"""A class: every submission in a folder, graded side by side; what is graded is written down at once and kept."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from headstart.judge.desk import record, shelf, sitting
from headstart.judge.desk.submission import read
from headstart.judge.desk.text import shown
from headstart.judge.trial import Trial


def submissions(folder):
    """Map a name to a path for each folder, zip and notebook in `folder`: one submission each."""
    found = {}
    for path in sorted(Path(folder).iterdir()):
        counts = path.is_dir() or path.suffix.lower() in (".zip", ".ipynb")
        if counts and not path.name.startswith((".", "__MACOSX")):
            found[shown(path.name)] = path
    return found


class Classroom:
    """Grades the submissions on an engine and keeps the results: a second run takes up where the first stopped."""

    def __init__(self, folder, engine, opening, seed):
        self.paths, self.engine, self.opening, self.seed = submissions(folder), engine, opening, seed
        self.shelf = shelf.Shelf(folder)
        self.threads, self.futures = ThreadPoolExecutor(engine.lanes), {}

    def start(self, names):
        """Begin to grade these submissions, in this order. Raises OSError if results cannot be kept."""
        self.shelf.keep_seed(self.seed)
        self.futures |= {name: self.threads.submit(self._results, name) for name in names}

    def results(self, name):
        """Wait for one submission: {"rows": plain data, "tier": sentence}."""
        if name not in self.futures:
            self.start([name])
        return self.futures[name].result()

    def close(self):
        """Stop; what has not begun stays ungraded."""
        self.threads.shutdown(cancel_futures=True)
        self.engine.close()

    def _results(self, name):
        notebooks = read(self.paths[name])
        key = shelf.key(notebooks, self.seed, self.opening[1])
        results = self.shelf.load(name, key)
        if results is None:
            results = self._graded(notebooks)
            if "lost" not in results:
                with contextlib.suppress(OSError):  # the reports have the marks; only a later run misses them
                    self.shelf.keep(name, key, results)
        return {**results, "rows": [{**row, "submission": name} for row in results["rows"]]}

    def _graded(self, notebooks):
        """Grade on the engine; what is lost is graded once more, and what is lost twice earns nothing in this run."""
        for _ in range(2):
            try:
                return self.engine.call(sitting.grade, self.opening, notebooks, self.seed)
            except Exception as error:  # whatever an engine raises for a lost worker: the submission is not to blame
                lost = f"the process that graded it was lost twice ({type(error).__name__}: {shown(str(error), 200)})"
        trial = Trial("(submission)", self.seed, "crashed", lost)
        return {"rows": [record.freeze(record.Row("", "", trial))], "tier": "", "lost": True}
