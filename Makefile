# klingmock from a clone: every target sets up what it needs. POSIX shell, make and Python 3.11+ suffice.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help demo serve test bench mutants clean

help: ## show this help
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ —/'

demo: $(VENV)/.media ## the main job on real input, in under a minute
	@$(BIN)/klingmock demo

serve: $(VENV)/.core ## the double in the foreground at its default address
	@exec $(BIN)/klingmock serve

test: $(VENV)/.dev ## the one gate: format, lint, types, rooms, document, tests
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh .ci/gate

bench: $(VENV)/.media ## the benchmarks: tables on screen, JSON beside them
	@$(BIN)/python benchmarks/bench.py

mutants: $(VENV)/.dev ## every liar against every promise, and twenty honest seeds; half an hour
	@$(BIN)/python -m pytest -q -n 2 tests/suite/matrix.py

clean: ## remove what the other targets made
	rm -rf $(VENV) demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis

$(VENV)/.pip: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --constraint constraints.txt pip
	@touch $@

$(VENV)/.core: $(VENV)/.pip pyproject.toml
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.media: $(VENV)/.core
	$(PIP) install --constraint constraints.txt --editable '.[media]'
	@touch $@

$(VENV)/.dev: $(VENV)/.media
	$(PIP) install --constraint constraints.txt --editable '.[media,test]' --group dev
	@touch $@
