# Plain make. What was installed is remembered in stamp files beside it, so a second run does nothing twice.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PAGE := src/sottovoce/web/dist/index.html
PAGE_SOURCES := $(shell find web -name node_modules -prune -o -type f -print 2>/dev/null)
PIPECAT := .venv-pipecat
CLIENTS := tests/clients/node/node_modules/.installed $(PIPECAT)/.installed
WITH_NODE = PATH="$$(scripts/node-path $(VENV)):$$PATH"
LOCK := $(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test unit clients livekit helm check format bench page lock wheel clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(PAGE) ## Install what running needs and build the page

run: setup ## Start Sottovoce, print its address, open a browser (ARGS="--port 9000" passes flags)
	@exec $(BIN)/sottovoce serve $(ARGS)

livekit: $(VENV)/.installed ## Get livekit-server for rooms: the one on PATH, else built with Go into .tools
	@$(BIN)/python scripts/ensure_livekit.py

helm: $(VENV)/.installed ## Get Helm, which the tests render deploy/chart with: the one on PATH, else built with Go into .tools
	@$(BIN)/python scripts/ensure_helm.py

test: setup livekit helm $(VENV)/.installed-test web/node_modules/.installed $(CLIENTS) ## Run every test
	@scripts/ensure-browser
	@echo "Testing the page"
	@$(WITH_NODE) npm --prefix web run --silent test
	@echo "Testing the rest"
	@$(WITH_NODE) $(BIN)/python -m pytest $(ARGS)

unit: setup livekit helm $(VENV)/.installed-test ## Run the tests that need neither a browser nor other people's clients
	@$(BIN)/python -m pytest -m "not browser and not clients" $(ARGS)

clients: $(CLIENTS) ## Install the stock clients that the tests run

check: setup $(VENV)/.installed-check web/node_modules/.installed ## Format, lint, types, import direction, documents
	@echo "Format and lint"
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@echo "Types"
	@$(BIN)/mypy
	@echo "Import direction"
	@$(BIN)/lint-imports
	@echo "Documents"
	@$(BIN)/python scripts/check_documents.py
	@$(BIN)/python scripts/make_openapi.py --check
	@echo "The page's types and lint"
	@$(WITH_NODE) npm --prefix web run --silent check

format: $(VENV)/.installed-check ## Format the Python code and apply safe fixes
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup ## Measure voice-to-voice latency (ARGS passes flags)
	@$(BIN)/sottovoce bench $(ARGS)

page: $(PAGE) ## Build the page

wheel: setup ## Build the wheel and the sdist, page included, into dist/
	@rm -rf dist
	@$(WITH_NODE) $(BIN)/python -m hatchling build

lock: $(VENV)/.installed-lock ## Pin the packages anew from pyproject.toml (LOCK_FLAGS=--upgrade takes newer ones)
	@$(LOCK) $(LOCK_FLAGS) pyproject.toml -o requirements/run.lock
	@for group in build check go lock node test; do \
		$(LOCK) $(LOCK_FLAGS) --group $$group -c requirements/run.lock -o requirements/$$group.lock; \
	done
	@$(LOCK) $(LOCK_FLAGS) --group pipecat -o requirements/pipecat.lock

clean: ## Remove everything that was installed or built
	rm -rf $(VENV) $(PIPECAT) .tools web/node_modules tests/clients/node/node_modules src/sottovoce/web/dist dist

$(VENV)/.python: | scripts/make-venv
	@scripts/make-venv $(VENV)
	@touch $@

$(VENV)/.installed: requirements/run.lock requirements/build.lock pyproject.toml | $(VENV)/.python
	@echo "Installing Sottovoce into $(VENV) (about a minute, 700 MB)"
	@$(PIP) install --quiet --require-hashes --prefer-binary --use-pep517 -r requirements/run.lock -r requirements/build.lock
	@$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-%: requirements/%.lock | $(VENV)/.installed
	@echo "Installing the packages of requirements/$*.lock"
	@$(PIP) install --quiet --require-hashes --prefer-binary --use-pep517 -r $<
	@touch $@

web/node_modules/.installed: web/package.json web/package-lock.json | $(VENV)/.python
	@echo "Installing the page's packages"
	@$(WITH_NODE) npm --prefix web ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

tests/clients/node/node_modules/.installed: tests/clients/node/package.json tests/clients/node/package-lock.json | $(VENV)/.python
	@echo "Installing the Node clients that the tests run"
	@$(WITH_NODE) npm --prefix tests/clients/node ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

$(PIPECAT)/.installed: requirements/pipecat.lock | $(VENV)/.python
	@echo "Installing pipecat into $(PIPECAT) (420 MB; its packages are older than ours)"
	@$(BIN)/python -m venv --clear $(PIPECAT)
	@$(PIPECAT)/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes --prefer-binary -r $<
	@touch $@

$(PAGE): $(PAGE_SOURCES) | web/node_modules/.installed
	@echo "Building the page"
	@$(WITH_NODE) npm --prefix web run --silent build
