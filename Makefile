# The two commands of the README (demo, test) and what engineers use. `make setup` is under all of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test lint bench lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    one simulated hour of market making, with a live view and a summary"
	@echo "make test    the whole test suite"
	@echo "make lint    format, lint, types and the import rule"
	@echo "make bench   speed, as ratios within one run"
	@echo "make setup   the environment under all of these, in .venv (done for you)"
	@echo "make lock    pin the newest versions that pyproject.toml allows"
	@echo "make clean   remove the environment and every cache"

setup: $(READY)

# pip, the pinned versions by hash, the package itself, and the compiled simulation core. Runs only when these change.
$(READY): requirements/lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"perpmaker needs Python 3.11 to 3.13, this is {v[0]}.{v[1]}: make setup PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing pinned packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)
