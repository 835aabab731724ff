# Needs make and a Python of 3.10 or later, nothing else: everything is installed into .venv in this folder.
# make PYTHON=/path/to/python3 ... chooses the Python; make clean first if .venv is there already.

PYTHON ?= $(shell scripts/pick-python)
WORKERS ?= 3
ARGS ?=
ROWS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
INSTALL := $(PIP) install --quiet --quiet
PICTURES := dashboards/pictures
SCRIPTS := scripts/generate-docs scripts/matrix scripts/their-tests

.DEFAULT_GOAL := help
# The targets share one virtual environment.
.NOTPARALLEL:
.PHONY: help demo test lint types matrix their-tests docs boards pictures build ci clean

help: ## print this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.stamp-demo ## cold starts, a needless rebuild and warm requests of a small agent service, and what crashes of another
	@$(BIN)/autogen-vitals demo $(ARGS)

test: $(VENV)/.stamp-test ## all tests; ARGS="-k fork" picks some, WORKERS=4 spreads them
	@scripts/system-tools
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

lint: $(VENV)/.stamp-dev ## ruff, and the one-way flow between the rooms (.importlinter)
	$(BIN)/ruff check . $(SCRIPTS)
	$(BIN)/ruff format --check . $(SCRIPTS)
	$(BIN)/lint-imports

types: $(VENV)/.stamp-dev ## pyright, strict
	$(BIN)/pyright

matrix: $(VENV)/.stamp-venv ## the tests but e2e against old and new AutoGen, OpenTelemetry and wrapt; ROWS="autogen-0.4.9" picks some
	@$(BIN)/python scripts/matrix $(ROWS)

their-tests: $(VENV)/.stamp-venv ## AutoGen's own tests without and with us, which must end the same way; ROWS="autogen-0.7.5" picks some
	@$(BIN)/python scripts/their-tests $(ROWS) $(ARGS)

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

ci: ## everything above but the demo, as CI does
	@.ci/run

clean: ## remove everything that was made: environments, caches, packages
	rm -rf $(VENV) .venv-matrix .cache dist build .pytest_cache .ruff_cache .import_linter_cache
	rm -rf $(PICTURES)/node_modules $(PICTURES)/dist
	find src tests examples dashboards scripts -name __pycache__ -type d -prune -exec rm -rf {} +

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
