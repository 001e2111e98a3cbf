# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-lowest test-pythons lint bench prove documents regenerate lock audit clean

demo: $(VENV)/.base
	rm -rf demo && mkdir demo
	$(BIN)/charley report facts/examples --format html --output demo/
	$(BIN)/charley report facts/examples/night-cramps-on-a-diuretic.yaml
	@echo
	@echo "The explained reports of all examples are in demo/: open demo/*.html in a browser."

# Side by side by files, so that a cluster, a browser and a proof are each started once, and in the order of tests/conftest.py; one
# more than there are processors, for those that wait. `make test COVERAGE=--cov`, as in CI, measures what they run as well, which
# takes longer; not on Python 3.12 and 3.13, where it takes so long that tests fail which wait for a server.
COVERAGE ?=

test: $(VENV)/.test lint
	$(BIN)/python -m pytest $(COVERAGE) --numprocesses $$(($$(getconf _NPROCESSORS_ONLN) + 1)) --dist loadfile --no-loadscope-reorder

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
	$(BIN)/python -m tests.catalogs
	$(BIN)/python -m tests.regenerate

# Everything that is written from the knowledge, after a change of it: snapshots, certificate, transcripts, documentation.
regenerate: $(VENV)/.test
	$(BIN)/python -m tests.knowledge.snapshots
	$(MAKE) prove documents

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks.engines
	$(BIN)/python -m benchmarks.starting
	$(BIN)/python -m benchmarks.reports
	$(BIN)/python -m benchmarks.consultations
	$(BIN)/python -m benchmarks.cohorts
	$(BIN)/python -m benchmarks.cds_hooks
	$(BIN)/python -m benchmarks.web
	$(BIN)/python -m benchmarks.load

# Bounds that nobody tried are guesses. What old releases themselves call deprecated is theirs.
FAST_TESTS := tests/unit tests/specification tests/cds_hooks tests/web tests/reports/test_report.py tests/functional/test_operating.py
FAST := -m pytest $(FAST_TESTS) -p no:cacheprovider -W ignore::DeprecationWarning
TRIED := --ignore tests/unit/cohorts --ignore tests/web/test_in_chromium.py --ignore tests/web/test_malformed_requests.py

test-lowest:
	rm -rf $(VENV)-lowest && $(PYTHON) -m venv $(VENV)-lowest
	$(PYTHON) -m tests.lowest_versions > $(VENV)-lowest/lowest.txt
	$(VENV)-lowest/bin/python -m pip install --quiet -r $(VENV)-lowest/lowest.txt
	$(VENV)-lowest/bin/python -m pip install --quiet --no-deps --editable .
	$(VENV)-lowest/bin/python $(FAST) $(TRIED)

# Every Python that is installed, from the oldest that is supported on; PYTHONS names others.
PYTHONS ?= python3.11 python3.12 python3.13
test-pythons:
	@tried=0; for python in $(PYTHONS); do \
	  command -v $$python > /dev/null || { echo "$$python is not installed, and not tried"; continue; }; \
	  $$python -c pass 2> /dev/null || { echo "$$python does not run, and is not tried"; continue; }; \
	  tried=$$((tried + 1)); \
	  rm -rf $(VENV)-tried && $$python -m venv $(VENV)-tried || exit 1; \
	  $(VENV)-tried/bin/python -m pip install --quiet --editable '.[prove,web]' $$($$python -m tests.lowest_versions --tools) || exit 1; \
	  echo "$$python:"; $(VENV)-tried/bin/python $(FAST) $(TRIED) || exit 1; \
	done; test $$tried -gt 0

$(VENV)-tools/.made:
	$(PYTHON) -m venv $(VENV)-tools
	$(VENV)-tools/bin/python -m pip install --quiet uv pip-audit
	touch $@

LOCKED := docs/operating/requirements.txt
lock: $(VENV)-tools/.made
	printf '%s\n%s\n' '# What `charley serve` and `charley knowledge prove` run on, with the hash of every file: pip install --require-hashes -r FILE' \
	  '# Written by `make lock`; never by hand.' > $(VENV)-tools/locked.txt
	$(VENV)-tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --extra web --extra prove setup.cfg >> $(VENV)-tools/locked.txt
	cp $(VENV)-tools/locked.txt $(LOCKED)

# --strict, because a release that could not be looked up would otherwise count as one without known vulnerabilities.
audit: $(VENV)-tools/.made $(VENV)/.base
	@$(VENV)-tools/bin/pip-audit --strict --require-hashes --progress-spinner off -r $(LOCKED) || { \
	  echo; echo "Known vulnerabilities, or their data could not be reached (see above). What is installed, and since when:"; \
	  $(BIN)/python .ci/installed.py; exit 1; }

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-tried $(VENV)-tools demo build *.egg-info

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
