# Every target sets up .venv by itself and may be repeated: stamps make the second time instant.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
CLI := $(VENV)/bin/influence-sim
WORKERS ?= 2

.PHONY: demo test slow bench golden gallery clean help
.DEFAULT_GOAL := help

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

$(VENV)/pyvenv.cfg:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "error: '$(PYTHON)' not found; install Python 3.11 or newer, or run: make $(MAKECMDGOALS) PYTHON=/path/to/python" >&2; exit 6; }
	@$(PYTHON) -c 'import sys; ok = sys.version_info >= (3, 11); ok or print("error: Python 3.11 or newer is needed, $(PYTHON) is", sys.version.split()[0], "- run: make $(MAKECMDGOALS) PYTHON=/path/to/newer/python", file=sys.stderr); sys.exit(0 if ok else 6)'
	@echo "Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# An interrupted `venv` leaves a folder without pip: made again. A stamp is as new as the last installation; an edited pyproject.toml or constraints.txt asks for another.
$(VENV)/.stamp-run: $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing influence-sim and pinned dependencies (once; about 200 MB) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.stamp-test: $(VENV)/.stamp-run
	@echo "Installing test tools (once) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

demo: $(VENV)/.stamp-run ## Compare four strategies in a small world (about a minute)
	@$(CLI) compare scenarios/demo.yaml --out results/demo

test: $(VENV)/.stamp-test ## Lint, types and the fast tests
	@$(PY) -m ruff check src tests
	@$(PY) -m mypy
	@$(PY) -m pytest -n $(WORKERS) --dist loadgroup

slow: $(VENV)/.stamp-test ## The slow tests: statistics, limits, whole examples
	@$(PY) -m pytest -m slow -n $(WORKERS) --dist loadgroup

bench: $(VENV)/.stamp-test ## Measure speed, memory and the gain from pairing (see benchmarks/)
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

golden: $(VENV)/.stamp-test ## Move the golden numbers; say why in CHANGELOG.md
	@$(PY) tests/golden/update.py

gallery: $(VENV)/.stamp-test ## Make the pictures of docs/images again
	@$(PY) docs/gallery.py

clean: ## Remove the environment, caches and results
	rm -rf $(VENV) results build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
