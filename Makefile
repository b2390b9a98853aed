# `make demo` starts the app, `make test` runs all checks. Both set up a virtual environment first.
# PIP_ARGS goes to pip, for example: make demo PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"

PYTHON ?= python3
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test train lint bench clean

demo: $(VENV)/demo
	$(BIN)/python app.py

test: $(VENV)/test lint
	$(BIN)/python -m pytest

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

train: $(VENV)/demo
	$(BIN)/python train_all.py

bench: $(VENV)/test
	PYTHONPATH=. $(BIN)/python benchmarks/page.py
	PYTHONPATH=. $(BIN)/python benchmarks/images.py

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_ARGS) -r requirements.txt
	touch $@

$(VENV)/test: requirements-dev.txt requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install $(PIP_ARGS) -r requirements-dev.txt
	touch $@ $(VENV)/demo

clean:
	rm -rf $(VENV)
