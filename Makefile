# Two commands matter first: `make demo` and `make test`. Everything else is listed by `make help`.

CARGO ?= cargo
PYTHON ?= python3

# Every test's name, for the fault catalogue.
TEST_NAMES = { $(CARGO) test --workspace --quiet -- --list 2>/dev/null; \
	sed -n 's/^def \(test_[a-z0-9_]*\).*/tests\/python::\1/p' tests/python/test_*.py; }

.PHONY: help demo test test-python lint lint-python faults sandbox bench bench-python response-codes clean

help:
	@echo "make demo            a shop's morning against the sandbox, over TLS, in seconds"
	@echo "make test            every test"
	@echo "make test-python     those of the Python package alone, against the installed wheel"
	@echo "make lint            formatting and lints, as CI runs them"
	@echo "make faults          the fault catalogue, entry by entry, with the tests that cover it"
	@echo "make sandbox         OVO's side as a program, until interrupted"
	@echo "make bench           measurements beside a libcurl program and a Python script (minutes)"
	@echo "make bench-python    the Python package beside requests, urllib3 and httpx"
	@echo "make response-codes  writes the table of response codes into README.md again"

demo:
	$(CARGO) build --package ovo-demo
	@$(CARGO) run --quiet --package ovo-demo

test:
	$(CARGO) test --workspace --quiet
	$(MAKE) --no-print-directory test-python
	@$(TEST_NAMES) | $(PYTHON) tests/faults/report

test-python:
	PYTHON=$(PYTHON) tests/python/run --quiet

lint: lint-python
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet

lint-python:
	PYTHON=$(PYTHON) tests/python/run --lint

faults:
	@$(TEST_NAMES) | $(PYTHON) tests/faults/report --entries

sandbox:
	$(CARGO) run --quiet --package ovo-sandbox -- --https

bench:
	tests/bench/run

bench-python:
	tests/bench/python/run

response-codes:
	UPDATE_README=1 $(CARGO) test --quiet --package ovo-ptp --test readme

clean:
	$(CARGO) clean
