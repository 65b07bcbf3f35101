# One target a habit; `make help` lists them.
SHELL := /bin/bash
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
# Where the system brings its own certificates, a private index may need them.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export SSL_CERT_FILE ?= /etc/ssl/certs/ca-certificates.crt
endif
RUN := $(UV) run --no-sync
STAMP := .venv/.installed
# Journeys wait for servers: three keep two cores busy, and a fourth only makes all of them later.
WORKERS ?= 3

# What is compiled once starts in half the time; make hands this to all that it starts.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: install
install: $(STAMP) ## Install everything; leaves .venv/bin/coldferry

.uv/bin/uv:
	python3 -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.5'

$(STAMP): pyproject.toml uv.lock sandbox/azure/npm/package-lock.json | $(filter .uv/bin/uv,$(UV))
	$(UV) sync --quiet --frozen --compile-bytecode --extra sandbox $$(command -v npm >/dev/null || echo --extra node)
	$(RUN) python -m console.installing
	touch $@

.PHONY: debian
debian: ## As root on Debian: the packages that tests use, so that none is skipped
	python3 -m tests.debian

.PHONY: demo
demo: install ## Move a machine from a local EC2 to a local Azure, and print the proof
	.venv/bin/coldferry demo

.PHONY: test
test: install ## The tests that everybody runs before a commit
	$(RUN) pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not slow'

.PHONY: slow
slow: install ## The tests that take long
	$(RUN) pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m slow

.PHONY: test-all
test-all: test slow ## All tests

.PHONY: lint
lint: install ## Linters
	$(RUN) ruff check .
	$(RUN) ruff format --check .

.PHONY: format
format: install ## Mend what a formatter can
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

.PHONY: types
types: install ## Types
	$(RUN) mypy

.PHONY: imports
imports: install ## The import rule
	$(RUN) lint-imports

.PHONY: docs
docs: install ## Write what is generated: JSON schema, translation page, help text
	$(RUN) python -m docs.generate

.PHONY: screenshots
screenshots: install ## Take the pictures in docs/images anew (Debian's chromium)
	COLDFERRY_IMAGES=$(CURDIR)/docs/images $(RUN) pytest tests/ui/test_first_ui.py tests/ui/test_wave_ui.py

.PHONY: bench
bench: install ## Measure what copying costs, beside azcopy and others (an hour; a quiet machine)
	$(RUN) python -m benchmarks $(BENCH)

.PHONY: check
check: lint types imports ## All that is not a test
