# Two commands matter first: `make demo` and `make test`. Everything else is listed by `make help`.

CARGO ?= cargo
PYTHON ?= python3

# Every test's name, for the fault catalogue.
TEST_NAMES = { $(CARGO) test --workspace --quiet -- --list 2>/dev/null; \
	sed -n 's/^def \(test_[a-z0-9_]*\).*/tests\/python::\1/p' tests/python/test_*.py; }

.PHONY: help demo test test-build check proof test-c test-python test-postgres test-tools test-arm lint lint-python faults clean
.PHONY: simulate simulate-fleet simulate-long simulate-mutants kill-campaign kill-campaign-fleet drain-fleet fuzz-abi
.PHONY: model-check model-mutants model-story
.PHONY: sandbox install release header sizes bench bench-python response-codes

help:
	@echo "make demo            a shop's morning against the sandbox, over TLS, in seconds (V=1: with its requests)"
	@echo "make test-build      builds what the tests and the proof run, and runs nothing"
	@echo "make test            every test, the random and the complete ones in small doses"
	@echo "make check           what one change needs, in a minute: format, lints, unit tests (CRATE=ovo-ptp)"
	@echo "make proof           those in full: 15 million states, 100,000 histories, every crash point, 200 kills"
	@echo "make test-c          those of the C and C++ library alone, installed as it is shipped"
	@echo "make test-python     those of the Python package alone, against the installed wheel"
	@echo "make test-postgres   those of the journal in PostgreSQL alone, with servers of their own"
	@echo "make lint            formatting and lints, as CI runs them"
	@echo "make faults          the fault catalogue, entry by entry, with the tests that cover it"
	@echo "make simulate SEED=n one simulated history, told line by line"
	@echo "make simulate-fleet SEED=n one of several machines on one database"
	@echo "make simulate-long   HISTORIES=10000000 simulated histories, FROM=1, on CORES=1, and how fast (hours)"
	@echo "make simulate-mutants  how many histories it takes to notice each wrong policy or driver"
	@echo "make model-check     all settings of the model checker to their end, the large ones up to MOST=150 million"
	@echo "                     generated states each (half an hour)"
	@echo "make model-mutants   by which invariant, and in how many steps, the model catches each mutant"
	@echo "make model-story     a mutant's shortest counterexample, told (MUTANT=M1)"
	@echo "make sandbox         OVO's side as a program, with a page to be the customer: PORT=7443 PAGE=7080"
	@echo "                     SCALE=1 (0.05: twenty times as fast) OPEN=1 (in a browser); Ctrl-C ends it"
	@echo "make kill-campaign   kills tills 10,000 times (KILLS=, SEED=) and compares the books (15 minutes)"
	@echo "make kill-campaign-fleet  kills nodes on one journal in PostgreSQL 2,000 times, cuts and promotes (KILLS=, SEED=)"
	@echo "make drain-fleet     10,000 rows that a dead node owes, drained by four others (ROWS=, RATE=5 a second of OVO's)"
	@echo "make bench           measurements beside a libcurl program and a Python script (minutes)"
	@echo "make install         the C and C++ library: PREFIX=/usr/local DESTDIR= PROFILE=release FEATURES= (postgres)"
	@echo "make release         what a release has, from its tag: checked, built twice and compared, installed, paid with"
	@echo "make sizes           builds the firmware library and holds its sizes against ffi/README.md"
	@echo "make test-tools      installs what some tests are skipped without (make test does so, too)"
	@echo "make fuzz-abi        random calls of the C library for a minute, under a sanitizer (SEED=1)"
	@echo "make test-arm        the firmware library on 32-bit ARM, under qemu (minutes)"
	@echo "make header          writes include/ovo_ptp.h again from ffi/src"
	@echo "make bench-python    the Python package beside requests, urllib3 and httpx"
	@echo "make response-codes  writes the table of response codes into the manual again"

demo:
	$(CARGO) build --profile demo --package ovo-demo
	@$(CARGO) run --quiet --profile demo --package ovo-demo $(if $(V),-- -v)

# Many tests wait more than they compute: more at once than there are cores on a small machine.
# What a random or complete test leaves out with SMALL_DOSES, `make proof` runs.
test: test-build
	SMALL_DOSES=1 OVO_FUZZ_SECONDS=10 RUST_TEST_THREADS=3 CARGO=$(CARGO) tests/side-by-side
	$(MAKE) --no-print-directory test-python
	@$(MAKE) --no-print-directory sizes
	@$(TEST_NAMES) | $(PYTHON) tests/faults/report

test-build:
	@PYTHON=$(PYTHON) tests/tools
	$(CARGO) test --workspace --quiet --no-run

CRATE ?= ovo-ptp
check:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --package $(CRATE) --all-targets --quiet -- -D warnings
	$(CARGO) test --package $(CRATE) --lib --quiet

test-c:
	@PYTHON=$(PYTHON) tests/tools
	$(CARGO) test --quiet --package ovo-ptp-ffi

test-python:
	PYTHON=$(PYTHON) tests/python/run --quiet

test-postgres:
	@PYTHON=$(PYTHON) tests/tools
	$(CARGO) test --quiet --package ovo-postgres

# The full doses. They compute and wait for nothing (the kills do): CI runs them beside `make test`.
# With the whole workspace each time, so that nothing is built twice with other features.
FULL_DOSE = $(CARGO) test --workspace --quiet
proof: test-build
	$(FULL_DOSE) --test crash_points --test every_step --test people
	$(FULL_DOSE) --test holds
	$(FULL_DOSE) --test histories --test kills
	OVO_FUZZ_SECONDS=60 $(FULL_DOSE) --test arguments random_calls

lint: lint-python
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	RUSTDOCFLAGS="-D warnings --cfg ovo_mutants" $(CARGO) doc --workspace --no-deps --quiet

lint-python:
	@PYTHON=$(PYTHON) tests/tools
	PYTHON=$(PYTHON) tests/python/run --lint

faults:
	@$(TEST_NAMES) | $(PYTHON) tests/faults/report --entries

SEED ?= 1
HISTORIES ?= 10000000
FROM ?= 1
CORES ?= 1

simulate:
	@$(CARGO) run --quiet --package ovo-simulation -- seed $(SEED)

simulate-fleet:
	@$(CARGO) run --quiet --package ovo-simulation -- fleet $(SEED)

# With the firmware's SQLite, which two cores can use at once without waiting for each other.
CAMPAIGN = LIBSQLITE3_FLAGS="$$(cat ffi/firmware-sqlite)" $(CARGO)
simulate-long:
	$(CAMPAIGN) build --quiet --profile campaign --package ovo-simulation
	@$(CAMPAIGN) run --quiet --profile campaign --package ovo-simulation -- run $(HISTORIES) $(FROM) $(CORES)

simulate-mutants:
	@$(CARGO) run --quiet --package ovo-simulation -- mutants 20000

MOST ?= 150
MUTANT ?= M1

model-check:
	$(CARGO) build --quiet --package ovo-model
	@$(CARGO) run --quiet --package ovo-model -- every-time
	@$(CARGO) run --quiet --package ovo-model -- large $(MOST)

model-mutants:
	@$(CARGO) run --quiet --package ovo-model -- mutants

model-story:
	@$(CARGO) run --quiet --package ovo-model -- story $(MUTANT)

PORT ?= 7443
PAGE ?= 7080
SCALE ?= 1
OPEN ?=

# Built first and aloud: the first time takes a minute. Ctrl-C then reaches the sandbox alone.
sandbox:
	@echo "building the sandbox"
	@$(CARGO) build --package ovo-sandbox
	@$(CARGO) run --quiet --package ovo-sandbox -- --https --port $(PORT) --control-port $(PAGE) \
	  --time-scale $(SCALE) $(if $(OPEN),--open)

bench:
	tests/bench/run

bench-python:
	tests/bench/python/run

PREFIX ?= /usr/local
PROFILE ?= release
FEATURES ?=
install:
	$(if $(filter firmware,$(PROFILE)),LIBSQLITE3_FLAGS="$$(cat ffi/firmware-sqlite)") \
	$(CARGO) build --package ovo-ptp-ffi --profile $(PROFILE) $(if $(FEATURES),--features $(FEATURES))
	ffi/install --from target/$(PROFILE) --prefix "$(PREFIX)" --destdir "$(DESTDIR)"

release:
	@PYTHON=$(PYTHON) tests/tools
	PYTHON=$(PYTHON) tests/release/run

sizes:
	ffi/sizes

test-tools:
	@PYTHON=$(PYTHON) tests/tools --required

fuzz-abi:
	OVO_FUZZ_SECONDS=60 OVO_FUZZ_SEED=$(SEED) $(CARGO) test --quiet --package ovo-ptp-ffi \
	  --test arguments random_calls

test-arm:
	ffi/test-arm

header:
	UPDATE_HEADER=1 $(CARGO) test --quiet --package ovo-ptp-ffi --test header

KILLS ?= 10000

FLEET_KILLS = $(if $(filter command line environment,$(origin KILLS)),$(KILLS),2000)
kill-campaign-fleet:
	@PYTHON=$(PYTHON) tests/tools
	$(CARGO) build --quiet --package ovo-postgres
	@$(CARGO) run --quiet --package ovo-postgres -- campaign --kills $(FLEET_KILLS) --seed $(SEED)

ROWS ?= 10000
RATE ?= 5
drain-fleet:
	@PYTHON=$(PYTHON) tests/tools
	$(CARGO) build --quiet --package ovo-postgres
	@$(CARGO) run --quiet --package ovo-postgres -- drain $(ROWS) $(RATE)

kill-campaign:
	$(CARGO) build --quiet --package ovo-crash
	@$(CARGO) run --quiet --package ovo-crash -- campaign --kills $(KILLS) --seed $(SEED)

response-codes:
	UPDATE_DOCUMENTS=1 $(CARGO) test --quiet --package ovo-ptp --test documents

clean:
	$(CARGO) clean
