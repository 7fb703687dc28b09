# `make demo` and `make test` are all a fresh machine needs: both install into .venv first.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# Python needs a new install only when files come or go; a change inside a file is seen at once.
FOLDERS := $(shell find carbonbench_core baselines metrics -type d -not -name __pycache__)

.PHONY: demo test test-all results quality clean

demo: $(STAMP)
	$(BIN)/carbonbench demo --out build/demo

test: $(STAMP)
	$(BIN)/python -m pytest -m "not slow" -n auto

test-all: $(STAMP)
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n auto

# Measures what results/plan.toml asks for and has no row yet, on the dataset folder ./carbonbench; stop it at will.
results: $(STAMP)
	$(BIN)/carbonbench results --jobs 2; code=$$?; $(BIN)/python -m tests.test_readme && exit $$code

quality: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

$(STAMP): pyproject.toml $(FOLDERS)
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[trees,neural,process,plot,maps,earth-engine,dev]"
	touch $@

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache
