# Every target makes its own .venv first; `make PYTHON=python3.13 test` says which Python it is made from.

PYTHON ?= python3
BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := .venv/ready

.PHONY: book pdf test lab mock grade bench print site-python clean work

book: $(READY)
	$(BIN)/python -m headstart.press.build

pdf: $(READY)
	$(BIN)/python -m headstart.press.pdf

test: $(READY)
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/python -m headstart.press --check
	$(BIN)/python -m headstart.press.build
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

lab: work
	$(BIN)/jupyter lab --notebook-dir=work

# make mock MINUTES=60: a coding round of an hour.
mock: $(READY)
	$(BIN)/python -m headstart.mock --minutes $(or $(MINUTES),45)

grade: work
	PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(BIN)/pytest -o addopts= -p headstart.judge.plugin --submission=work

bench: $(READY)
	$(BIN)/python -m headstart.bench

print: $(READY)
	$(BIN)/python -m headstart.press

site-python: $(READY)
	$(BIN)/python -m headstart.press.try_it_python

clean:
	rm -rf .venv _build

# The reader's own copy: chapters that are new are added, what the reader has written is left alone.
work: $(READY)
	@mkdir -p work && for sheet in notebooks/*.ipynb; do test -e "work/$${sheet##*/}" || cp "$$sheet" work/; done

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Head Start needs Python 3.11 or later, and $(PYTHON) is %d.%d: say make PYTHON=python3.11" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
