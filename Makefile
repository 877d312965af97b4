# diting: `make demo` shows it at work, `make test` runs the tests. Both set up what they need first.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# A folder of labelled recordings for `make eval` and the comparisons.
DATA ?=
# What the comparisons are told besides: see benches/peers/compare.py and curves.py, for example `--rounds 1`, `--quick`.
OPTIONS ?=
# Speech models of the demo and of the tests.
DEMO_MODEL ?= small
TEST_MODEL ?= base
# One profile everywhere but in the comparisons with peers: whisper.cpp and libopus are compiled once.
DITING := target/debug/diting

.PHONY: help
help: ## Shows this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Pushes the sample calls to a running server and shows what was found
	@scripts/models.sh $(DITING) $(DEMO_MODEL) vad
	@scripts/demo.sh $(DITING) $(DEMO_MODEL)

.PHONY: test
test: build ## Runs all tests
	@scripts/models.sh $(DITING) $(TEST_MODEL) vad
	@scripts/test.sh

.PHONY: setup
setup: ## Installs what building lacks: compilers, cmake, the Rust toolchain
	@scripts/setup.sh

.PHONY: build
build: setup ## Builds the `diting` binary
	@scripts/build.sh

.PHONY: models
models: build ## Fetches the speech models into the user's cache
	@scripts/models.sh $(DITING) $(TEST_MODEL) $(DEMO_MODEL) vad

.PHONY: samples
samples: ## Speaks the sample calls anew; needs espeak-ng and ffmpeg
	@samples/make.sh

.PHONY: lint
lint: setup ## Checks formatting, lints, proto files and documentation
	@scripts/lint.sh

.PHONY: bench
bench: setup ## Runs the benchmarks
	@cargo bench --locked

.PHONY: bench-peers
bench-peers: setup ## Compares with other recognisers: make bench-peers DATA=FOLDER
	@scripts/peers.sh compare "$(DATA)" $(OPTIONS)

.PHONY: bench-curves
bench-curves: setup ## Measures cost by length, speech and calls at once: make bench-curves DATA=FOLDER
	@scripts/peers.sh curves "$(DATA)" $(OPTIONS)

.PHONY: month
month: setup ## Simulates a month of a large call centre and says what is found of it
	@scripts/month.sh

.PHONY: eval
eval: build ## Measures recognition: make eval DATA=FOLDER
	@scripts/eval.sh $(DITING) "$(DATA)"

.PHONY: fuzz
fuzz: setup ## Builds the fuzz targets, as CI does
	@scripts/fuzz.sh

.PHONY: docs
docs: setup ## Builds the documentation of the code
	@cargo doc --locked --no-deps

.PHONY: clean
clean: ## Removes what was built; the models in the cache stay
	@cargo clean
