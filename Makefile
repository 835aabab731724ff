# Needs make and a Python of 3.10 or later, nothing else: everything is installed into .venv in this folder.
# make PYTHON=/path/to/python3 ... chooses the Python; make clean first if .venv is there already.

PYTHON ?= $(shell scripts/pick-python)
# More than the two cores that CI has: servers are waited for.
WORKERS ?= 4
ARGS ?=
ROWS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install --quiet --quiet
PYTEST = $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup
PICTURES := dashboards/pictures
SCRIPTS := scripts/generate-docs scripts/matrix scripts/their-tests

# The tests start hundreds of processes, which would all compile what they import.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
# The targets share one virtual environment.
.NOTPARALLEL:
.PHONY: help demo test test-long lint types matrix bench load instructions scale their-tests docs boards pictures build ci clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.stamp-demo ## cold starts, a needless rebuild and warm requests of a small agent service, and what crashes of another
	@$(BIN)/autogen-vitals demo $(ARGS)

test: $(VENV)/.stamp-test ## the tests, ten minutes on two cores; ARGS="-k fork" picks some, WORKERS=8 spreads them
	@scripts/system-tools
	$(PYTEST) -m "not long" $(ARGS)

test-long: $(VENV)/.stamp-test ## the rest of them: more servers, endings and programs; ARGS and WORKERS as above
	@scripts/system-tools
	$(PYTEST) -m long $(ARGS)

lint: $(VENV)/.stamp-dev ## ruff, and the one-way flow between the rooms (.importlinter)
	$(BIN)/ruff check . $(SCRIPTS)
	$(BIN)/ruff format --check . $(SCRIPTS)
	$(BIN)/lint-imports

types: $(VENV)/.stamp-dev ## pyright, strict
	$(BIN)/pyright

matrix: $(VENV)/.stamp-venv ## the tests but e2e against old and new AutoGen, OpenTelemetry and wrapt; ROWS="autogen-0.4.9" picks some
	@$(BIN)/python scripts/matrix $(ROWS) $(ARGS)

their-tests: $(VENV)/.stamp-venv ## AutoGen's own tests without and with us, which must end the same way; ROWS="autogen-0.7.5" picks some
	@$(BIN)/python scripts/their-tests $(ROWS) $(ARGS)

bench: $(VENV)/.stamp-venv ## what we cost beside the peers, each in .venv-bench/ (twenty minutes); ARGS="--rounds 3 --only bare,ours --rows steady"
	@PYTHONPATH=benchmarks $(BIN)/python -m bench $(ARGS)

load: $(VENV)/.stamp-demo ## a service under load beside a healthy, slow and broken exporter, without and with us (ten minutes); ARGS="--minutes 2 --rounds 2"
	@PYTHONPATH=benchmarks $(BIN)/python -m load $(ARGS)

scale: $(VENV)/.stamp-test ## what fleets of workers need of a real Prometheus (ten minutes); ARGS=--write puts it into docs/scale.md
	@scripts/system-tools
	@$(BIN)/python benchmarks/scale $(ARGS)

instructions: $(VENV)/.stamp-test ## what we add to the hot paths, in instructions; ARGS=--update keeps that as the baseline
	@scripts/system-tools instructions
	@$(BIN)/python benchmarks/instructions $(ARGS)
	@AUTOGEN_VITALS_INSTRUCTIONS=true $(BIN)/python -m pytest --quiet tests/benchmarks/test_instructions.py

docs: $(VENV)/.stamp-demo ## write docs/signals.md from src/autogen_vitals/semconv/
	@$(BIN)/python scripts/generate-docs

boards: $(VENV)/.stamp-test ## write dashboards/grafana/ from dashboards/boards/, and check it; needs Python 3.11
	@PYTHONPATH=dashboards $(BIN)/python -m boards
	$(BIN)/python -m pytest --quiet tests/dashboards/test_boards.py

pictures: $(VENV)/.stamp-test $(PICTURES)/node_modules/.package-lock.json ## draw the boards with Grafana's components on the scenario's data, into docs/pictures/; ARGS=--same: on the last data
	@scripts/system-tools pictures
	@PYTHONPATH=tests:tests/dashboards $(BIN)/python $(PICTURES)/data.py $(ARGS)
	@echo "building the page (about a minute)"
	@cd $(PICTURES) && npm run --silent build && npm run --silent shoot

build: $(VENV)/.stamp-dev ## wheel and sdist into dist/, and a look at the wheel from an empty environment
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	scripts/check-wheel dist/*.whl

ci: ## lint, types, build and test, as CI does
	@.ci/run

clean: ## remove everything that was made: environments, caches, packages
	rm -rf $(VENV) .venv-matrix .venv-bench .cache dist build .pytest_cache .ruff_cache .import_linter_cache
	rm -rf $(PICTURES)/node_modules $(PICTURES)/dist
	find src tests examples dashboards scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

# pip: dependency groups came with 25.1.
$(VENV)/.stamp-venv:
	@test -n "$(PYTHON)"
	@echo "creating $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv --clear $(VENV)
	@$(INSTALL) --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/.stamp-demo: pyproject.toml | $(VENV)/.stamp-venv
	@echo "installing the package and what the demo needs (about a minute the first time)"
	@$(INSTALL) --editable '.[local,autogen]'
	@touch $@

$(VENV)/.stamp-test: pyproject.toml | $(VENV)/.stamp-venv
	@echo "installing the package and what the tests need (about a minute the first time)"
	@$(INSTALL) --editable '.[local,autogen]' --group test --group e2e --group boards
	@touch $(VENV)/.stamp-demo $@

$(VENV)/.stamp-dev: pyproject.toml | $(VENV)/.stamp-test
	@echo "installing the linters"
	@$(INSTALL) --editable '.[local,autogen]' --group test --group e2e --group dev
	@touch $@

$(PICTURES)/node_modules/.package-lock.json: $(PICTURES)/package-lock.json
	@command -v npm >/dev/null || { echo "the pictures need Node.js 20 or later with npm, and Chromium" >&2; exit 1; }
	@echo "installing Grafana's components (about a minute, 650 MB)"
	@cd $(PICTURES) && npm ci --silent
	@touch $@
