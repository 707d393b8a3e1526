#!/usr/bin/env bash
# nbgrader collects hand-ins as submitted/STUDENT/ASSIGNMENT/NOTEBOOK.ipynb. Every student is one submission; who handed
# in two versions of a chapter is told so. Run it in the course's folder.
set -uo pipefail
"${PYTHON:-python3}" -P -m pytest --disable-plugin-autoload -p headstart.judge.plugin \
  --class=submitted --results=marks.csv --results=marks.html "$@"
