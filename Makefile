# make demo: the main job on bundled data. make experiment: does weighting help, in eight minutes.
# make test: style, types and tests. make bench: writes docs/benchmarks.md. make docs: the pages, in docs/_build/html.
# All make .venv on first use, from Python 3.11 and the pinned versions in constraints.txt.

PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/installed
BENCH_INSTALLED := .venv/installed-bench
DOCS_INSTALLED := .venv/installed-docs
# Processes that share the tests. 0: all in one, as with -p no:xdist.
WORKERS ?= 2
TESTS ?=

.PHONY: demo demo-short experiment experiment-all test test-offline test-oldest test-newest bench docs lock clean

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
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --cov --cov-report=term-missing

# The same tests in a network of their own that ends at this machine; needs unshare and ip, from util-linux and iproute2.
test-offline: $(INSTALLED)
	unshare --map-root-user --net sh -c 'ip link set lo up && \
		OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(TESTS)'

# What needs no torch and no trainer, with the oldest versions that pyproject.toml allows and with the newest there are.
# TESTS: which, here and above; all by default. With numpy before 2.4 pyproj warns of its own way to tell single numbers.
test-oldest test-newest: test-%: .venv-%/installed
	rm -rf .venv-$*/compiled
	NUMBA_CACHE_DIR=$(CURDIR)/.venv-$*/compiled OMP_NUM_THREADS=1 .venv-$*/bin/python -m pytest --core \
		-W "ignore:Conversion of an array with ndim > 0:DeprecationWarning" \
		--deselect tests/test_imports.py::test_the_lock_pins_everything_that_is_installed $(TESTS)

.venv-oldest/installed: FLOORS := --constraint constraints-oldest.txt
.venv-oldest/installed: constraints-oldest.txt
.venv-%/installed: pyproject.toml
	rm -rf .venv-$*
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --upgrade pip
	.venv-$*/bin/python -m pip install --quiet $(FLOORS) --group core --editable ".[gstat,distributed,pysal,report]"
	touch $@

# BENCH_SHORT=1: to 5 000 photos, for trying. BENCH_LARGE=1: a million as well. An interrupted run goes on where it
# stopped; BENCH_FRESH=1 measures all again.
bench: $(BENCH_INSTALLED)
	$(BIN)/python tests/benchmarks

# Every warning is an error. Only what has changed is built again; the first time runs the whole gallery.
docs: $(DOCS_INSTALLED)
	$(BIN)/python docs/scripts/error_catalogue.py
	$(BIN)/python docs/scripts/command_line.py
	MPLBACKEND=Agg $(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going -d docs/_build/doctrees docs \
		docs/_build/html
	$(BIN)/python docs/scripts/check_site.py docs/_build/html

$(INSTALLED): pyproject.toml constraints.txt
	@echo "Making .venv of the versions in constraints.txt: some three minutes, once."
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

$(DOCS_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	touch $(DOCS_INSTALLED)

# Pin what is installed now: run it after changing the dependencies in pyproject.toml.
lock: $(INSTALLED)
	sed -n '/^#/,$$p' constraints.txt > .venv/not-installed-here
	$(BIN)/python -m pip freeze --all --exclude-editable | sed 's/+cpu$$//' > constraints.txt
	cat .venv/not-installed-here >> constraints.txt
	touch $(INSTALLED)

clean:
	rm -rf .venv .venv-oldest .venv-newest .bench demo-output experiment-output docs/_build docs/api/generated docs/gallery docs/notebooks
