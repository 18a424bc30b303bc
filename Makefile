# Two commands matter: `make january` prints the comparison, `make test` runs the tests.
# Each sets up what it needs in .venv from requirements.lock (hashes checked) and costs nothing the second time.

SHELL  := /bin/sh
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
BORDER := $(BIN)/border

# Options of `make test`: files, -k expressions, or `-n 0` for one process. What takes longest, such as killing builds,
# is marked slow and runs with `make test-slow`; the gate runs both.
PYTEST_ARGS ?= -n auto --dist loadfile

# A virtual environment knows its own path: the stamps carry it, so that a moved checkout installs anew.
HERE      := $(shell pwd -P | cksum | cut -d ' ' -f 1)
INSTALLED := $(VENV)/.installed-$(HERE)
LINKED    := $(VENV)/.linked-$(HERE)

PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
CHECKED_TESTS := tests/unit/test_imports.py tests/unit/test_packaging.py tests/unit/test_sql_style.py

# Same text in and out whatever the locale; nothing of another project on the import path; bytecode is kept, as
# without it every process compiles its packages anew, five seconds for a build.
export PYTHONUTF8 := 1
export GX_ANALYTICS_ENABLED := false
export PIP_USER := 0
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help january setup spark test test-slow check reliability audit format docs site lock clean
.DELETE_ON_ERROR:

help:
	@echo 'make january   build the warehouse from the data in this repository and print the January comparison'
	@echo 'make test      run the tests; PYTEST_ARGS="tests/unit -k lock" narrows them'
	@echo 'make test-slow the tests that take longest: killed builds, readers during builds, whole agency files'
	@echo 'make check     formatting, lint, types, import directions, SQL style and packaging'
	@echo 'make format    let ruff format and repair'
	@echo 'make docs      regenerate the data dictionary, the picture and the answers of the cookbook in docs/'
	@echo 'make site      render the static site into site/'
	@echo 'make audit     ask for known vulnerabilities of the locked packages'
	@echo 'make reliability  run the fault drills at every moment and write docs/reliability.md'
	@echo 'make spark     install PySpark as well, for `border build --engine spark`'
	@echo 'make setup     install into .venv; PYTHON=/path/to/python3.12 chooses the interpreter'
	@echo 'make lock      recompile requirements.lock; UPGRADE=1 moves every pin to the newest release'
	@echo 'make clean     remove .venv, caches and the site; data/ stays'

january: setup
	$(BORDER) build
	$(BORDER) january --year 2021

setup: $(LINKED)

# For `border build --engine spark`; needs Java 17 or 21 as well.
spark: setup $(VENV)/.spark-$(HERE)

$(VENV)/.spark-$(HERE): requirements-spark.lock $(INSTALLED)
	@echo 'Installing PySpark into $(VENV); about a minute.'
	@$(PIP) install -qq --no-compile --no-deps --no-build-isolation --require-hashes -r requirements-spark.lock
	@touch $@

test: setup
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

test-slow: setup
	$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 0 $(CHECKED_TESTS)

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# From the carried series alone, whatever else the user's own warehouse holds.
docs: setup
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && export BORDER_HOME="$$home" && \
	$(BORDER) build && $(BIN)/python -m orchestration.docs

site: setup
	$(BORDER) build
	$(BORDER) site

reliability: setup
	$(BIN)/python -m tests.faults.report

# Asks the advisory service of PyPI about every locked package; in an environment of its own, as pip-audit is no part of us.
audit: setup
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	'$(PYTHON)' -m venv "$$tmp/audit" && \
	"$$tmp/audit/bin/python" -m pip --disable-pip-version-check --no-input install -qq pip-audit && \
	"$$tmp/audit/bin/pip-audit" --disable-pip --require-hashes -r requirements.lock

# The interpreter is checked first: pip's own complaint about an old one does not say what to do.
# Bytecode is left to the first import: compiling 130 packages takes longer than installing them.
$(INSTALLED): requirements.lock
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not one. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; \
	  exit 2; }
	@echo 'Installing the locked packages into $(VENV); about half a minute.'
	@'$(PYTHON)' -m venv --clear $(VENV)
	@$(PIP) install -qq --no-compile --no-deps --only-binary :all: --require-hashes -r requirements.lock
	@touch $@

# setuptools comes from the lock as well, so that nothing is downloaded to build the link to this checkout.
$(LINKED): $(INSTALLED) pyproject.toml
	@$(PIP) install -qq --no-deps --no-build-isolation --editable .
	@touch $@

# uv compiles for every platform at once; it lives in a throw-away environment and only for this.
lock:
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	'$(PYTHON)' -m venv "$$tmp/uv" && \
	"$$tmp/uv/bin/python" -m pip --disable-pip-version-check --no-input install -qq uv && \
	"$$tmp/uv/bin/uv" pip compile --no-config --quiet --universal --python-version 3.11 --extra dev \
	  --only-binary :all: --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	  $(if $(UPGRADE),--upgrade) pyproject.toml -o requirements.lock >/dev/null && \
	'$(PYTHON)' -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["spark"])' | \
	"$$tmp/uv/bin/uv" pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-annotate --no-emit-index-url --no-emit-find-links --constraint requirements.lock $(if $(UPGRADE),--upgrade) \
	  - -o requirements-spark.lock >/dev/null
	@echo "requirements.lock: $$(grep -c '^[a-z]' requirements.lock) pinned packages"
	@echo "requirements-spark.lock: $$(grep -c '^[a-z]' requirements-spark.lock)"

clean:
	rm -rf $(VENV) site .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
