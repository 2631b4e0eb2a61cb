# Needs Python 3.11 and make. `make demo` for a first look, `make test` before a commit.
.DEFAULT_GOAL := help
.PHONY: help demo test lint types bench fmt docs pins clean
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
PYTHON ?= $(shell for p in python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p && break; done)
BENCH ?=

help:
	@echo "make demo   install into $(VENV), make sample traces, run the monitors, show the alerts (in ./demo)"
	@echo "make test   ruff, mypy and every test, the slow ones too"
	@echo "make bench  throughput, fixed cost and memory (BENCH=--full for the long one)"
	@echo "make fmt    format; make docs: regenerate docs/reference; make pins: renew constraints.txt; make clean"

demo: $(VENV)/.installed
	@$(BIN)/cotmonitor demo --dir demo

test: lint types
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.installed-dev
	@$(BIN)/mypy

bench: $(VENV)/.installed-dev
	@$(BIN)/python -m benchmarks.bench $(BENCH)

fmt: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: $(VENV)/.installed-dev
	@$(BIN)/python -m docs.generate

$(VENV)/.installed: setup.py pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "cotmonitor needs Python 3.11 or newer: install it, or say make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3.11-venv" >&2; exit 1; }
	@echo "installing into $(VENV) ..." >&2
	@$(PIP) install --no-compile -c constraints.txt setuptools wheel
	@$(PIP) install --no-compile --no-build-isolation -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) install --no-compile --no-build-isolation -c constraints.txt -e '.[classifier,judge,metrics,report,tokenizer,dev]'
	@touch $@

pins:
	rm -rf $(VENV)-pins && $(PYTHON) -m venv $(VENV)-pins
	$(VENV)-pins/bin/python -m pip install -q --no-compile setuptools wheel
	$(VENV)-pins/bin/python -m pip install -q --no-compile --no-build-isolation '.[classifier,judge,metrics,report,tokenizer,dev]'
	{ head -2 constraints.txt; $(VENV)-pins/bin/python -m pip freeze --all | grep -viE '^(pip|cotmonitor)[ =]'; } > constraints.new
	mv constraints.new constraints.txt && rm -rf $(VENV)-pins

clean:
	rm -rf $(VENV) demo bench-data build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
