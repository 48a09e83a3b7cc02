# The two commands of a newcomer are `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNS ?= runs
DATA ?= ../shared/data

PEERS := .venv-peers

.PHONY: demo test bench peers lint docs validation install kafka-jars clean

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "brokerbench: expected Python >= 3.11, got " + sys.version.split()[0] + "; set PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test,lsst,dask,figures,microlensing,kilonova,publish,docs]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/brokerbench demo -o $(RUNS)/demo --again

test: $(STAMP)
	$(BIN)/python -m pytest

bench: $(STAMP) peers
	mkdir -p .cache
	LIGHTCURVELYNX_PYTHON=$(PEERS)/bin/python $(BIN)/python -m pytest tests/benchmarks --benchmark-only -o addopts="" -q --benchmark-disable-gc --benchmark-json=.cache/benchmark.json
	$(BIN)/python tests/benchmarks/summarise.py .cache/benchmark.json bench.json

# Other simulators, in an environment of their own, to be measured beside ours.
peers: $(PEERS)/.installed

$(PEERS)/.installed:
	test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet lightcurvelynx==0.6.6 sncosmo==2.13.1
	touch $@

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The jars of one Apache Kafka broker, for the tests that need a real one and for `brokerbench kafka up`.
kafka-jars: $(STAMP)
	$(BIN)/brokerbench kafka fetch --cache .cache/kafka

docs: $(STAMP)
	$(BIN)/brokerbench docs docs
	$(BIN)/mkdocs build --strict --quiet --site-dir build/site

# docs/validation.md and its figures, from the real data beside the checkout (a minute).
validation: $(STAMP)
	$(BIN)/python -m simulate.fidelity $(DATA) docs

clean:
	rm -rf $(VENV) $(PEERS) .cache build
