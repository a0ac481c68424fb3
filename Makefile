# Hotline Box. `make run` and `make test` install what they need and then do their work.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run demo test check bench figures sim soak fuzz lock clean

SETUP := firmware-config/set-up.sh
PY := .venv/bin/python
ONLY ?=
JSON ?=
SEED ?= 1
RUNS ?= 10000
SECONDS ?=

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start one box with demo data on this machine (Ctrl-C ends it)
	@$(SETUP) run
	@exec .venv/bin/hotline run --demo

demo: ## Play the whole product by itself with real parts; JSON=FILE writes the steps
	@$(SETUP) test
	@exec $(PY) -m tests.demo $(if $(JSON),--json $(JSON))

test: ## Check the code and run every test
	@$(SETUP) test
	@$(MAKE) --no-print-directory check
	@exec $(PY) -m pytest -n 3

check: ## Lint, format and types
	@$(SETUP) run
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

bench: ## Measure, one JSON line a figure; ONLY=call for one bench, ONLY=all with the long ones
	@$(SETUP) test
	@exec .venv/bin/hotline bench $(ONLY)

figures: ## Measure all, long ones too, and write table and plot of ARCHITECTURE.md; the machine should be quiet
	@$(SETUP) test
	@mkdir -p var
	@.venv/bin/hotline bench all | tee var/figures.jsonl; exec $(PY) -m tests.bench.table var/figures.jsonl

sim: ## Simulate networks of sites with faults; SEED=1 RUNS=10000
	@$(SETUP) run
	@exec .venv/bin/hotline simulate sync --seed $(SEED) --runs $(RUNS) --jobs $$(nproc)

soak: ## An hour of calls coming and going; memory must stay flat; SECONDS=300 for less
	@$(SETUP) test
	@exec $(PY) -m tests.bench.soak $(SECONDS)

fuzz: ## Ten times as many hostile inputs as the tests try
	@$(SETUP) test
	@HYPOTHESIS_PROFILE=fuzz exec $(PY) -m pytest -k "hostile or any_ or fuzz"

lock: ## Choose dependency versions anew (needs uv)
	uv pip compile --universal --generate-hashes --python-version 3.11 --extra dev pyproject.toml -o requirements.lock

clean: ## Remove what was made here (the demo's data too)
	rm -rf .venv build var *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
