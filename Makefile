# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint bench prove documents regenerate clean

demo: $(VENV)/.base
	rm -rf demo && mkdir demo
	$(BIN)/charley report facts/examples --format html --output demo/
	$(BIN)/charley report facts/examples/night-cramps-on-a-diuretic.yaml
	@echo
	@echo "The explained reports of all examples are in demo/: open demo/*.html in a browser."

# Side by side by files, so that a cluster, a browser and a proof are each started once.
test: $(VENV)/.test lint
	$(BIN)/python -m pytest --cov --numprocesses auto --dist loadfile

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/charley knowledge check

# The certificate that reports cite; it names the hash of the knowledge, so it is made anew after every change of it.
prove: $(VENV)/.test
	$(BIN)/charley knowledge prove --output $(VENV)/proof
	cp $(VENV)/proof/certificate.json knowledge_base/

# The transcripts, and every block of the documentation that the program says itself.
documents: $(VENV)/.test
	$(BIN)/python -m tests.regenerate

# Everything that is written from the knowledge, after a change of it: cases, certificate, transcripts, documentation.
regenerate: $(VENV)/.test
	$(BIN)/python -m tests.knowledge.propose_cases
	$(BIN)/python -m tests.knowledge.propose_part_cases
	$(MAKE) prove documents

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.engines
	$(BIN)/python -m benchmarks.consultations
	$(BIN)/python -m benchmarks.cohorts
	$(BIN)/python -m benchmarks.cds_hooks
	$(BIN)/python -m benchmarks.web

clean:
	rm -rf $(VENV) demo build *.egg-info

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Charley needs Python 3.11 or later; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.test: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	touch $@ $(VENV)/.base

$(VENV)/.bench: $(BIN)/python setup.cfg pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[test,bench]'
	touch $@ $(VENV)/.base $(VENV)/.test
