# Everything a newcomer needs: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One more than there are processors: some tests wait for a process that was killed, or a server that comes back.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# Arguments of test-corpus: files, --only TEXT, --sample N, --show, --report FILE.
CORPUS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test test-corpus lint bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "confiture needs Python 3.11 or later: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

install: $(STAMP) ## Make the virtual environment and install everything into it

demo: $(STAMP) ## Start a real PostgreSQL, build the example project on it, show the result
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh docs/examples/demo.sh

test: $(STAMP) ## Run the tests
	$(BIN)/python -m pytest -n $(WORKERS)

# The fixed sample of it that `make test` takes is tests/diff/test_corpus_sample.py.
test-corpus: $(STAMP) ## Try the differ on all pairs of schemas in ../shared/data/diff-cases, both ways
	PYTHONPATH=tests $(BIN)/python -m diff.corpus $(CORPUS)

lint: $(STAMP) ## ruff and mypy --strict
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP) ## Measure: both sides in turn in one run, medians and ratios
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python tests/bench/run.py

clean: ## Remove what was installed and made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist
