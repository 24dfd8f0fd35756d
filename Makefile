# Two commands do all the set-up on a fresh machine: `make quickstart` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
LOCKS := requirements/runtime.txt requirements/dev.txt
INSTALLED := $(VENV)/.installed
LONG_BENCHMARKS := benchmarks/label_truth.py benchmarks/faults.py benchmarks/profiles.py

# Everything runs without the network once it is installed.
export FRAMEFOUNDRY_OFFLINE ?= 1

.DEFAULT_GOAL := help
.PHONY: help quickstart test test-all check lint types bench bench-labels bench-faults bench-full bootstrap serve lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

quickstart: $(INSTALLED) ## Set up, then run the main job on recipes/quickstart.yaml
	$(BIN)/framefoundry run recipes/quickstart.yaml

test: $(INSTALLED) ## Set up, then run the tests (no network, under ten minutes)
	$(BIN)/python -m pytest -m "not slow and not gpu"

test-all: $(INSTALLED) ## The tests, those with servers, kills and trainings included
	$(BIN)/python -m pytest -m "not gpu"

check: lint types ## Lint and types

lint: $(INSTALLED) ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED) ## mypy
	$(BIN)/mypy schemas storage evaluators generators annotators curators publishers trainers flows cli

bench: $(INSTALLED) ## The quick benchmarks at their quick size (under 15 minutes)
	@for file in $(filter-out $(LONG_BENCHMARKS),$(wildcard benchmarks/*.py)); do \
	  echo "== $$file"; $(BIN)/python $$file || exit 1; done

bench-labels: $(INSTALLED) ## Our labels and the plain loop's against truth, 60 clips (some 10 minutes)
	$(BIN)/python benchmarks/label_truth.py

bench-faults: $(INSTALLED) ## Runs killed at every write and inside every stage (some 5 minutes)
	$(BIN)/python benchmarks/faults.py

bench-full: $(INSTALLED) ## Every benchmark at the size of the record (hours)
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file --full || exit 1; done

bootstrap: $(INSTALLED) ## Train the bundled starter detector again (hours on a CPU)
	$(BIN)/framefoundry bootstrap

serve: $(INSTALLED) ## Prefect server with its UI, a worker, deployments and automations, on this machine
	$(BIN)/framefoundry serve

lock: $(INSTALLED) ## Compile requirements/*.in to pinned files without download addresses
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	  --overrides requirements/overrides.txt requirements/runtime.in -o requirements/runtime.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url \
	  --overrides requirements/overrides.txt requirements/dev.in -o requirements/dev.txt
	grep -vxFf requirements/runtime.txt requirements/dev.txt > requirements/dev.only && mv requirements/dev.only requirements/dev.txt

clean: ## Remove the environment and caches; the store (foundry/) stays
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache *.egg-info

# The pinned files hold the whole closure, so --no-deps installs exactly that. uv takes pip's index and certificate.
$(INSTALLED): $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Framefoundry needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	@echo "Installing the pinned environment (about 7 GB with torch's GPU libraries)…"
	@index=$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true); \
	  index="$${UV_DEFAULT_INDEX:-$${PIP_INDEX_URL:-$$index}}"; test -z "$$index" || export UV_DEFAULT_INDEX="$$index"; \
	  cert="$${SSL_CERT_FILE:-$${PIP_CERT:-}}"; test -z "$$cert" || export SSL_CERT_FILE="$$cert"; \
	  $(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps $(LOCKS:%=-r %) \
	  || $(BIN)/python -m pip install --quiet --no-deps $(LOCKS:%=-r %)
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
