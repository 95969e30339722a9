# `make demo` and `make test` do all the set-up themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help install demo test check docs dist pretrained bench faults fuzz gpu-check clean

help:  ## what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 14

install: $(VENV)/.installed  ## a virtual environment in .venv with everything in it

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed (PYTHON=... names another)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: install  ## train handwritten digits row by row, and show them (about 15 minutes, no GPU needed)
	@run=$$($(BIN)/seqgen train recipes/mnist_rows.yaml) && \
	$(BIN)/seqgen sample "$$run" --out "$$run/demo.png" --force >/dev/null && \
	echo && echo "The result: $$run/demo.png" && echo "What to try next (after: source $(BIN)/activate):" && \
	echo "  seqgen sample $$run --label 7 -n 100 --out sevens/" && \
	echo "  seqgen sample $$run --interpolate 3..7 --out walk.png" && \
	echo "  seqgen evaluate $$run" && \
	echo "  seqgen init FOLDER_OF_YOUR_IMAGES"

test: install  ## the tests
	$(BIN)/python -m pytest -n auto --dist loadfile

check: install  ## lint, format, types, import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy seqgan_kit cli
	$(BIN)/python -m pytest tests/test_layers.py

docs: install  ## the documentation as pages, in build/docs/html; a warning is an error
	$(BIN)/python docs/site/build.py

bench: install  ## speed, beside plain baselines in one process
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/text_speed.py

faults: install  ## kills, races, lost processes and full disks on purpose (SEED=0)
	$(BIN)/python benchmarks/faults.py --seed $(or $(SEED),0)

fuzz: install  ## thousands of damaged files for every reader (SEED=0 COUNT=5000)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --seed $(or $(SEED),0) --count $(or $(COUNT),5000)

gpu-check: install  ## everything that needs CUDA; says why it skips where there is none
	$(BIN)/python benchmarks/gpu_check.py

pretrained: install  ## train, measure and pack the runs that come with the package (an hour)
	$(BIN)/python benchmarks/pretrained.py

dist: install  ## wheel and source archive in dist/, checked
	rm -rf dist
	$(BIN)/python -m build --quiet
	$(BIN)/python -m twine check --strict dist/*

clean:  ## remove the environment and what tools left; runs/ stays
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .mypy_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
