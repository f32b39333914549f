# make demo: the main job on bundled data. make experiment: does weighting help, in ten minutes.
# make test: style, types and tests. make bench: writes docs/benchmarks.md.
# All make .venv on first use, from Python 3.11 and the pinned versions in constraints.txt.

PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/installed
BENCH_INSTALLED := .venv/installed-bench

.PHONY: demo demo-short experiment experiment-all test bench lock clean

demo: $(INSTALLED)
	$(BIN)/variogeo demo

demo-short: $(INSTALLED)
	$(BIN)/variogeo demo --short --out demo-output/short

# The short form on simulated photos. An interrupted experiment goes on where it stopped.
experiment: $(INSTALLED)
	$(BIN)/variogeo experiment --short --out experiment-output/short

# Every scheme and every control, six seeds: for a night.
experiment-all: $(INSTALLED)
	$(BIN)/variogeo experiment --arms all --out experiment-output/all

test: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/python -m pytest --cov --cov-report=term-missing

# BENCH_SHORT=1: to 5 000 photos, for trying. BENCH_LARGE=1: a million as well. An interrupted run goes on where it
# stopped; BENCH_FRESH=1 measures all again.
bench: $(BENCH_INSTALLED)
	$(BIN)/python tests/benchmarks

$(INSTALLED): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt hatchling editables
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation --group dev \
		--group trainers-needs --editable ".[all]"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-deps --group trainers-alone
	touch $(INSTALLED)

$(BENCH_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group bench
	touch $(BENCH_INSTALLED)

# Pin what is installed now: run it after changing the dependencies in pyproject.toml.
lock: $(INSTALLED)
	sed -n '/^#/,$$p' constraints.txt > .venv/not-installed-here
	$(BIN)/python -m pip freeze --all --exclude-editable | sed 's/+cpu$$//' > constraints.txt
	cat .venv/not-installed-here >> constraints.txt
	touch $(INSTALLED)

clean:
	rm -rf .venv .bench demo-output experiment-output
