# Needs only make and a Python >= 3.11 with venv and pip; everything else is installed into .venv.
# `make` lists the targets; PYTHON chooses the interpreter, ARGS is passed to pytest.

PYTHON ?= python3
ARGS ?=
VENV := .venv
LOWEST := .venv-lowest
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# One worker more than processors: tests wait for a server and for processes.
WORKERS = $$(expr $$($(PYTHON) -c 'import os; print(os.cpu_count())') + 1)
PYTEST = -m pytest -n $(WORKERS) --dist worksteal $(ARGS)
PIP := -m pip --disable-pip-version-check --quiet --no-input

.DEFAULT_GOAL := help
unexport HERMES_STORE_URL
# Without bytecode each process of a test compiles the package anew.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help demo install test test-lowest test-pysqlite3 test-browser lint types smoke docs check check-rest schema asynchronous bench test-hermes test-frameworks mutants clean

help: ## Print this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

install: $(INSTALLED) ## Install the package and the developer's tools into .venv

# --- the two commands -----------------------------------------------------------------------------

DEMO := .demo
HERMES := $(BIN)/hermes-store
say = @printf '\n\# %s\n' '$(1)'

demo: export HERMES_HOME := $(DEMO)
demo: $(INSTALLED) ## Show the main job on a fresh file: migrate, import, list, search, show, usage
	@echo 'A fresh store in $(DEMO)/state.db, filled with the conversations of examples/.'
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(call say,Create the database at the newest schema)
	$(HERMES) upgrade
	$(call say,Import sample conversations and a per-session log of the time before this store)
	$(HERMES) import examples/sessions.jsonl examples/20251103_190211_c4d2ef70.jsonl
	$(call say,Which sessions are there?)
	$(HERMES) list
	$(call say,Search: an apostrophe; a path with a line number; Chinese; a symbol that matters)
	$(HERMES) search --limit 2 "don't"
	$(HERMES) search --limit 2 foo/bar.py:42
	$(HERMES) search --limit 2 记忆
	$(HERMES) search --limit 2 C#
	$(call say,Show one session by a unique beginning of its id)
	$(HERMES) show 20260210_1044
	$(call say,Usage: size; counts; tokens and cost)
	$(HERMES) stats
	@printf '\nDone. Go on with:  export HERMES_HOME=$(DEMO); $(BIN)/hermes-store --help\n'

test: $(INSTALLED) ## Run all tests
	HERMES_STORE_SQLITE=sqlite3 $(BIN)/python $(PYTEST)

# --- the rest of the checks -----------------------------------------------------------------------

check: test check-rest ## Everything a change must pass: test, lint, types, docs, test-lowest, test-pysqlite3, smoke
check-rest: lint types docs test-lowest test-pysqlite3 smoke

lint: $(INSTALLED) ## Lint and format, changing nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: $(INSTALLED) ## mypy --strict on the package
	$(BIN)/mypy

docs: $(VENV)/.docs ## Build the documentation site into site/; a warning is an error
	$(BIN)/zensical build --strict --clean
	$(BIN)/python tools/site_is_offline.py site

test-lowest: $(LOWEST)/.installed ## Run all tests on the lowest versions that pyproject.toml allows
	HERMES_STORE_SQLITE=sqlite3 $(LOWEST)/bin/python $(PYTEST)

test-pysqlite3: $(VENV)/.pysqlite3 ## Run all tests on the newer SQLite of the package pysqlite3
	HERMES_STORE_SQLITE=pysqlite3 $(BIN)/python $(PYTEST)

test-browser: $(VENV)/.browser ## The pages of `hermes-store serve` in Debian's Chromium; ARGS=--pictures writes those of docs/
	HERMES_STORE_SQLITE=sqlite3 $(BIN)/python -m pytest -q $(ARGS) tests/browser

smoke: $(INSTALLED) ## Build the wheel; migrate, write and search with it from another folder
	PYTHON=$(BIN)/python .ci/smoke

schema: $(INSTALLED) ## Write the schema of a new database down anew, after a change of the revisions
	$(BIN)/python tests/migrations/dump_schema.py

asynchronous: $(INSTALLED) ## Write the asynchronous methods anew, after a change of the synchronous ones
	$(BIN)/python -m tools.write_asynchronous

bench: $(VENV)/.bench ## Measure against sqlite3 by hand; writes docs/benchmarks.md
	$(BIN)/python -m benchmarks

test-hermes: $(INSTALLED) ## Hermes Agent 0.13 to 0.19: its own tests on our class, and the program live; HERMES_VERSIONS=0.19.0
	$(BIN)/python tests/hermes/run_upstream.py $(ARGS)
	HERMES_STORE_SQLITE=sqlite3 $(BIN)/python -m pytest -q -n 2 --dist loadscope tests/hermes/live/live_hermes.py

test-frameworks: $(INSTALLED) ## Every adapter against its framework: the framework's own tests, and ours
	$(BIN)/python tests/frameworks/run.py $(ARGS)

mutants: $(INSTALLED) ## Put small faults into a copy, one at a time: do the tests notice? (half an hour)
	$(BIN)/python tests/mutants/run.py $(ARGS)

clean: ## Remove what was built or installed here
	rm -rf $(VENV) $(LOWEST) .venv-hermes .venv-frameworks $(DEMO) dist build site .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- virtual environments; a stamp is as new as what it was installed from ------------------------

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python >= 3.11 is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	@echo 'Creating $(VENV) with $(PYTHON)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) install --upgrade 'pip>=25.1'  # --group

$(INSTALLED): pyproject.toml | $(VENV)/bin/python
	@echo 'Installing hermes-store and its developer tools into $(VENV)'
	@$(BIN)/python $(PIP) install --editable '.[postgresql]' --group dev
	@touch $@

$(VENV)/.pysqlite3: $(INSTALLED)
	@$(BIN)/python $(PIP) install --editable '.[pysqlite3]'
	@touch $@

$(VENV)/.browser: $(INSTALLED)
	@$(BIN)/python $(PIP) install --group browser
	@touch $@

$(VENV)/.bench: $(INSTALLED)
	@$(BIN)/python $(PIP) install --group bench
	@touch $@

$(VENV)/.docs: $(INSTALLED)
	@$(BIN)/python $(PIP) install --group docs
	@touch $@

$(LOWEST)/.installed: pyproject.toml .ci/lowest.py | $(VENV)/bin/python
	@echo 'Installing the lowest versions into $(LOWEST)'
	@$(PYTHON) -m venv --clear $(LOWEST)
	@$(LOWEST)/bin/python $(PIP) install --upgrade 'pip>=25.1'
	@$(LOWEST)/bin/python .ci/lowest.py > $(LOWEST)/lowest.txt
	@$(LOWEST)/bin/python $(PIP) install --constraint $(LOWEST)/lowest.txt --editable '.[postgresql]' --group test
	@touch $@
