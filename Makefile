# Every target sets up what it needs, says what it is doing, and is quick when repeated.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
HOST   ?= 127.0.0.1
PORT   ?= 8000
COVERED := --cov=experiments --cov-branch --cov-report=term-missing:skip-covered --cov-fail-under=100
SETUP  := pyproject.toml constraints.txt hatch_build.py $(wildcard kb_service/translations/*/LC_MESSAGES/*.po)

.PHONY: run test test-fast check format bench mutation clean
.DEFAULT_GOAL := run

run: $(VENV)/.run-ready  ## Serve the sample knowledge base.
	@HOST=$(HOST) PORT=$(PORT) $(BIN)/kb demo

test: $(VENV)/.test-ready  ## Run every test, with real databases and a real browser.
	@$(BIN)/python -m pytest -n 2 --dist loadgroup --ignore=tests/timing --ignore=tests/unit/experiments
	@$(BIN)/python -m pytest -n 2 $(COVERED) tests/unit/experiments
	@$(BIN)/python -m pytest tests/timing

test-fast: $(VENV)/.test-ready  ## Run the unit and contract tests, in under a minute.
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow" tests/unit tests/contract

check: $(VENV)/.test-ready  ## Check format, lint, types and import rules.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.test-ready  ## Format the code.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.test-ready  ## Measure speed and quality, side by side in one run; CASES=folder adds bases.
	@$(BIN)/python -m tests.bench.run
	@$(BIN)/python -m tests.bench.experiments
	@$(BIN)/python -m tests.bench.retrieval $(CASES)

mutation: $(VENV)/.test-ready  ## Change the formulas of experiments one operator at a time; a test must notice (an hour).
	@$(BIN)/pip install --disable-pip-version-check -q -c constraints.txt -e '.[mutation]'
	@$(BIN)/mutmut run

clean:  ## Remove the environment and caches; data in var/ stays.
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage mutants

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	@echo "Making a virtual environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.run-ready: $(VENV)/.made $(SETUP)
	@echo "Installing the service and its libraries (about 1.5 GB; some minutes the first time) ..."
	@$(BIN)/pip install --disable-pip-version-check -q --progress-bar on -c constraints.txt -e .
	@touch $@

$(VENV)/.test-ready: $(VENV)/.run-ready
	@echo "Installing what tests need ..."
	@$(BIN)/pip install --disable-pip-version-check -q --progress-bar on -c constraints.txt -e '.[test]'
	@.ci/install-chromium
	@touch $@
