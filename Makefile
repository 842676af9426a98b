# The two commands of the README (demo, test) and what engineers use. `make setup` is under all of them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Backpack's official client pins libraries that ours must not: it has an environment of its own, for the tests only.
CLIENTS := .venv-bpx
CLIENTS_READY := $(CLIENTS)/.ready
# Other backtesting engines, each with libraries that ours must not have: one proves the exchange, one is asked beside it.
ORACLE := .venv-oracle
ORACLE_READY := $(ORACLE)/.ready
CROSSCHECK := .venv-crosscheck
CROSSCHECK_READY := $(CROSSCHECK)/.ready
# What builds the documents as a site.
DOCS := .venv-docs
DOCS_READY := $(DOCS)/.ready

.PHONY: help setup demo test lint lint-web dashboard-assets docs bench bench-live bench-dashboard crosscheck studies \
	soak chaos lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo        one simulated hour of market making, with a live view and a summary"
	@echo "make test        the whole test suite"
	@echo "make lint        format, lint, types and the import rule"
	@echo "make docs        the documents as a site, in build/site; a link that leads nowhere stops it"
	@echo "make bench       speed, as ratios within one run"
	@echo "make bench-live  latency of a live run against the testnet, against the floor of this machine"
	@echo "make bench-dashboard  a dashboard with 20 pages beside a run: memory, processor, and whether the run notices"
	@echo "make crosscheck  the same orders through nautilus_trader and through ours, difference by difference"
	@echo "make studies     docs/skew.md and docs/settings.md anew, from recordings laid out like ../shared/data (half an hour)"
	@echo "make chaos       hundreds of seeded schedules of faults, and kills, against the testnet (an hour or so)"
	@echo "make soak        one hour against the testnet in real time: memory, tasks, drift"
	@echo "make dashboard-assets  what the dashboard's page takes from npm, anew; needs node"
	@echo "make lint-web    the types of the dashboard's page; needs node"
	@echo "make setup       the environment under all of these, in .venv (done for you)"
	@echo "make lock        pin the newest versions that pyproject.toml allows"
	@echo "make clean       remove the environment and every cache"

setup: $(READY)

# pip, the pinned versions by hash, the package itself, and its compiled core. Runs again only when these change.
$(READY): requirements/lock.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else "perpmaker needs Python 3.11 to 3.13, this is %d.%d: give another, make setup PYTHON=python3.12" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing pinned packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/lock.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "compiling the simulated exchange (once)"
	@$(BIN)/perpmaker run --spread 5bp --quantity 0.1 --duration 1 --journal none --view none
	@touch $(READY)

demo: setup
	@$(BIN)/perpmaker run --exchange sim --symbol SOL_USDC_PERP --spread 5bp --quantity 0.1 --max-orders 2 \
		--max-position 2 --position-threshold 0.2 --inventory-skew 0.5 --duration 3600 --interval 10 \
		--seed 7 --speed 360

$(CLIENTS_READY): requirements/bpx.txt
	@test -x $(CLIENTS)/bin/python || $(PYTHON) -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bpx.txt
	@touch $(CLIENTS_READY)

$(ORACLE_READY): requirements/oracle.txt
	@test -x $(ORACLE)/bin/python || $(PYTHON) -m venv $(ORACLE)
	@$(ORACLE)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/oracle.txt
	@touch $(ORACLE_READY)

$(CROSSCHECK_READY): requirements/crosscheck.txt
	@test -x $(CROSSCHECK)/bin/python || $(PYTHON) -m venv $(CROSSCHECK)
	@$(CROSSCHECK)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements/crosscheck.txt
	@touch $(CROSSCHECK_READY)

$(DOCS_READY): requirements/docs.txt
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/docs.txt
	@touch $(DOCS_READY)

docs: $(DOCS_READY)
	@$(DOCS)/bin/sphinx-build -W --keep-going -q -E -c docs -d build/doctrees -b html . build/site
	@cp build/site/README.html build/site/index.html

test: setup $(CLIENTS_READY) $(ORACLE_READY)
	@$(BIN)/pytest

crosscheck: setup $(CROSSCHECK_READY)
	@$(BIN)/python benchmarks/crosscheck/compare.py

studies: setup
	@benchmarks/studies.sh

lint: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# The charts of the dashboard are shipped as npm gave them; web/package-lock.json says which, by hash.
WEB := web/node_modules/.package-lock.json
VENDOR := src/perpmaker/dashboard/static/vendor

$(WEB): web/package.json web/package-lock.json
	@cd web && npm ci --silent

dashboard-assets: $(WEB) lint-web
	@cp web/node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.mjs $(VENDOR)/lightweight-charts.mjs
	@cp web/node_modules/lightweight-charts/LICENSE web/NOTICE $(VENDOR)/
	@cd $(VENDOR) && sha256sum lightweight-charts.mjs > SHA256SUMS

lint-web: $(WEB)
	@cd web && npm run --silent check

bench: setup
	@for benchmark in $(filter-out benchmarks/live.py benchmarks/dashboard.py benchmarks/soak.py benchmarks/plain_twin.py,$(wildcard benchmarks/*.py)); do \
		echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; done

bench-live: setup
	@$(BIN)/python benchmarks/live.py

# The long form: make bench-dashboard MINUTES=15
MINUTES ?= 0.5
bench-dashboard: setup
	@$(BIN)/python benchmarks/dashboard.py --minutes $(MINUTES)

soak: setup
	@$(BIN)/python benchmarks/soak.py

chaos: setup
	@$(BIN)/python tests/chaos/run.py

lock:
	uv pip compile pyproject.toml --group dev --extra postgres --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements/lock.txt
	echo bpx-py | uv pip compile - --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements/bpx.txt
	echo hftbacktest==2.4.4 | uv pip compile - --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements/oracle.txt
	printf 'sphinx\nmyst-parser\nfuro\n' | uv pip compile - --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements/docs.txt
	printf 'nautilus_trader==1.221.0\nfastmm-engine[hot]==0.9.0\n' | uv pip compile - --universal \
		--python-version 3.11 --upgrade \
		--generate-hashes --no-emit-index-url --no-annotate --no-header --output-file requirements/crosscheck.txt

clean:
	rm -rf .venv .venv-* web/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
