# parallax-discord. `make help` lists what there is; nothing but Python 3.11+ and make has to be installed.

PYTHON ?= python3
VENV   := .venv
PY     := $(VENV)/bin/python
MADE   := $(VENV)/.made
BASE   := $(VENV)/.base
DEV    := $(VENV)/.dev
FUZZ   := $(VENV)/.fuzz

# Quiet, because a wall of package names hides the line that matters; what fails is still said. Byte code is
# made at first import, of the few modules that are used.
PIP_INSTALL := $(PY) -m pip install -qq --disable-pip-version-check --no-compile --require-hashes

# Several processes load the same modules: compile them once, whatever the caller's environment says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo run test lint coverage bench profile soak fuzz mutation sandbox-clients migrate env-example tables docs requirements screenshots clients package release

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(DEV) ## Make .venv with everything for using, testing and checking

demo: $(BASE) ## Try it: a Discord, a cluster and the bot on this machine, no account needed
	@exec $(PY) -m sandbox.demo

run: $(BASE) ## Run the bot against the real Discord, with the settings from .env
	@exec $(PY) -m bot run

test: $(DEV) ## Run all tests
	$(PY) -m pytest -n 6 --dist loadfile --no-loadscope-reorder

lint: $(DEV) ## Check style, types, import arrows, the page's modules and what may not be in files
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(PY) -m tests.repository
	@if command -v node >/dev/null 2>&1; then \
		node --test sandbox/discord_api/web/tests/*.test.mjs; \
	else \
		echo "node is not installed: the tests of the page's modules are left out"; \
	fi

coverage: $(DEV) ## Run all tests and print how much of bot and cogs they reach, by branch
	$(PY) -m pytest -n 6 --dist loadfile --no-loadscope-reorder --cov --cov-report=term:skip-covered

KEEP ?=
bench: $(DEV) ## Measure, and print the figures with their targets (KEEP=1: take them over into docs/benchmarks.md)
	$(PY) -m benchmarks $(if $(KEEP),--keep)

clients: $(DEV) ## Install clients of the API from the registries into a temporary directory, and try each
	$(PY) -m tests.clients

profile: $(DEV) ## Find out where the bot's CPU time goes while a hundred answers stream: writes a flame graph
	$(PY) -m benchmarks.profile

SEED ?=
soak: MINUTES ?= 3
soak: $(DEV) ## Let people ask while things break, for MINUTES=3, and check what must hold (SEED=n repeats)
	$(PY) -m tests.soak --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(if $(CI),--short)

fuzz: MINUTES ?= 1
fuzz: $(FUZZ) ## Fuzz what reads untrusted bytes and text, MINUTES=1 for each; fails at a crash
	@mkdir -p .fuzz
	for harness in tests/fuzz/fuzz_*.py; do \
		name=$$(basename $$harness .py); corpus=$${name#fuzz_}; mkdir -p .fuzz/$$corpus; \
		$(VENV)/bin/python -m tests.fuzz.$$name -max_total_time=$$((60 * $(MINUTES))) -timeout=20 -rss_limit_mb=2048 \
			-artifact_prefix=.fuzz/crash-$$corpus- .fuzz/$$corpus tests/fuzz/corpus/$$corpus || exit 1; \
	done

mutation: $(FUZZ) ## Change the queue, conversations, access and Markdown in small ways; lists what no test notices (hours)
	$(PY) -m mutmut run --max-children 1
	@$(PY) -m mutmut results
	@$(PY) -m tests.mutation

sandbox-clients: $(DEV) ## Let clients of other libraries in at the sandbox (installs them below .sandbox-clients; needs node)
	@mkdir -p .sandbox-clients/discord.js
	@for name in hikari nextcord disnake py-cord discord-py-interactions; do \
		$(PYTHON) -m venv .sandbox-clients/$$name && .sandbox-clients/$$name/bin/python -m pip install -qq $$name "setuptools<80" || exit 1; \
	done
	@cd .sandbox-clients/discord.js && npm install --silent --no-save discord.js
	$(PY) -m tests.sandbox_clients .sandbox-clients

package: ## Build the package and the sandbox's, install each into a new environment, and try it (a minute or two)
	@$(PYTHON) -m tests.packaging $(if $(FOLDER),--folder $(FOLDER))
	@$(PYTHON) -m tests.packaging_sandbox

TRIAL ?=
release: $(DEV) ## Check the tree and build what is handed out into dist/; publishes nothing (TRIAL=1: before the changelog is ready)
	@$(PY) -m tests.release $(if $(TRIAL),--trial)

migrate: $(BASE) ## Bring the database to the newest schema (run does this by itself)
	@$(PY) -m bot migrate

env-example: $(BASE) ## Write .env.example anew from bot/settings.py
	$(PY) -m bot env-example > .env.example.new
	mv .env.example.new .env.example

tables: $(DEV) ## Write the pages and tables of docs/ that are made from the code anew
	$(PY) -m tests.bounds
	$(PY) -m tests.metrics_table
	$(PY) -m benchmarks.report
	$(PY) -m tests.licences
	$(PY) -m tests.reference

docs: $(DEV) ## Build the documentation's site into .site; strict, needs no network
	NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs -q build -f deploy/site/mkdocs.yml
	@echo "open .site/index.html"

requirements: $(DEV) ## Pin requirements/*.in anew
	for name in base dev fuzz package; do \
		$(VENV)/bin/uv pip compile -q --generate-hashes --python-version 3.11 --universal --no-header \
			--no-emit-index-url --no-emit-find-links requirements/$$name.in -o requirements/$$name.txt || exit 1; \
	done

screenshots: $(DEV) ## Make the pictures in docs/images anew from the running sandbox
	$(PY) -m tests.e2e.screenshots

# One line each for the two things that a fresh machine may lack.
$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Python 3.11 or newer is needed as '$(PYTHON)': install it, or name it: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "Python's venv module is missing: install it (Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(BASE): requirements/base.txt | $(MADE)
	@echo "Installing what the bot needs into $(VENV) (half a minute with a warm cache)"
	@$(PIP_INSTALL) -r requirements/base.txt
	@touch $@

$(DEV): requirements/dev.txt | $(MADE)
	@echo "Installing what tests and checks need into $(VENV) (a minute with a warm cache)"
	@$(PIP_INSTALL) -r requirements/dev.txt
	@touch $(BASE) $@

$(FUZZ): requirements/fuzz.txt | $(DEV)
	@echo "Installing what fuzzing and mutation testing need into $(VENV)"
	@$(PIP_INSTALL) -r requirements/fuzz.txt
	@touch $@
