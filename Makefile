# `make` lists what can be done. ARGS goes to the tool behind a target: make test ARGS="-k witness"

PYTHON ?= python3
ARGS   ?=
BIN    := .venv/bin
UV     := uv==0.13.9
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format lint types fix golden oracle fuzz bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: .venv/ready ## create .venv with Portwright and everything that developing it needs

.venv/ready: requirements-dev.txt pyproject.toml
	@PYTHON="$(PYTHON)" sh tools/system-packages.sh setup
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: .venv/ready ## take one rule out of an example firewall and see what Portwright says
	@$(BIN)/python tools/demo.py

test: .venv/ready ## run the tests, those in the real kernel too where the machine allows it
	@sh tools/system-packages.sh kernel
	@sh tools/system-packages.sh rehearsal
	$(BIN)/pytest --numprocesses auto $(ARGS)

check: format lint types test ## everything that must pass before a change lands: format, lint, types, docs and tests

format: .venv/ready
	$(BIN)/ruff format --check .

lint: .venv/ready
	$(BIN)/ruff check --output-format concise .
	$(BIN)/lint-imports --no-cache --no-logo

types: .venv/ready
	$(BIN)/mypy

fix: .venv/ready ## format the code and repair what ruff can repair safely
	$(BIN)/ruff check --fix --exit-zero --output-format concise .
	$(BIN)/ruff format .

golden: .venv/ready ## rewrite golden files and the output shown in the docs; show what changed
	-$(BIN)/pytest --quiet --no-header --snapshot-update --ignore tests/test_docs.py $(ARGS)
	$(BIN)/python tools/pages.py --write
	@git --no-pager diff -- README.md docs tests

oracle: .venv/ready ## let the real kernel judge how rules are read, for minutes; ARGS="--seconds 3600 --seed 7"
	@sh tools/system-packages.sh kernel
	$(BIN)/python -m tests.kernel.oracle $(ARGS)

fuzz: .venv/ready ## damage inputs for every reader for a minute; ARGS="--seconds 600 --seed 2" for longer
	$(BIN)/python -m tests.fuzz.run $(ARGS)

bench: .venv/ready ## measure time and memory against size
	$(BIN)/python -m bench $(ARGS)
	$(BIN)/python -m bench.plan
	$(BIN)/python -m bench.check
	$(BIN)/python -m bench.iptables
	$(BIN)/python -m bench.rehearse

lock: ## renew requirements.txt and requirements-dev.txt from pyproject.toml
	$(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet $(UV)
	PATH="$(CURDIR)/build/lock/bin:$$PATH" sh tools/lock.sh $(ARGS)

clean: ## remove .venv, build and caches
	rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
