# One word for everything a newcomer or CI does. `make help` lists the words.

SHELL := /bin/bash
.DEFAULT_GOAL := help

export PYTHON  # which python3 makes .venv; left out: the first that is new enough
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.up-to-date
DEMO := fixtures/captures/centos7-cfs-lockup

.PHONY: help setup demo test lint bench lab golden lock docker-proof clean

help: ## list these words
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: $(STAMP) ## make .venv from requirements.lock; nothing to do when it is up to date

$(STAMP): requirements.lock pyproject.toml .ci/venv
	@.ci/venv $(VENV)
	@touch $@

demo: $(STAMP) ## analyse a recorded crash and write its report to out/demo
	@$(VENV)/bin/vmtriage analyze $(DEMO) -o out/demo
	@printf '\nThe full report, for a browser: out/demo/report.html\n'

test: $(STAMP) ## all tests, live ones included; ARGS="-k word" goes to pytest
	@$(PY) -m tests.prepare $(ARGS)

lint: $(STAMP) ## style, types, import layers, signatures
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/vmtriage signatures lint

bench: $(STAMP) ## cost beside crash alone, scans of 10,000 dumps, slim namelists, damaged dumps, further questions, many signatures, logs beside grep, netconsole, the site of 10,000 crashes
	@$(PY) -m tests.bench.signatures
	@$(PY) -m tests.bench.log
	@$(PY) -m tests.bench.listen
	@$(PY) -m tests.bench.inquiries
	@$(PY) -m tests.bench.slim
	@$(PY) -m tests.bench.scan
	@$(PY) -m tests.bench.namelist
	@$(PY) -m tests.bench.mutations
	@$(PY) -m tests.bench.site
	@$(PY) -m tests.bench

lab: $(STAMP) ## build one vmcore: make lab SCENARIO=cfs_lockup; without SCENARIO: list them
	@$(PY) -m fixtures.lab $(if $(SCENARIO),build $(SCENARIO),list)

golden: $(STAMP) ## write the golden files anew; review them with git diff
	@$(PY) -m pytest -q --update-golden -m "not live"
	@git --no-pager diff --stat

lock: $(STAMP) ## renew requirements.lock from pyproject.toml
	@.ci/lock $(VENV)

docker-proof: ## run the Dockerfile's steps in a chroot (root, debootstrap)
	@.ci/docker-proof

clean: ## remove .venv, out, dist and caches; the lab's dumps stay
	@rm -rf $(VENV) out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './fixtures/lab/.cache/*' -prune -exec rm -rf {} +
