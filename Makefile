# One place for what a person, CI and the documentation run. All that is tried and tested is built with one profile into
# one directory; what is shipped is optimised further.

SHELL := /bin/sh
.DEFAULT_GOAL := help

# rustup puts cargo here; a shell that was opened before it was installed doesn't know yet.
export PATH := $(HOME)/.cargo/bin:$(PATH)
target := $(or $(CARGO_TARGET_DIR),target)
durward := $(target)/release/durward

.PHONY: help
help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

.PHONY: demo
demo: ## Build, start a private PostgreSQL with a shop in it and the gateway in front of it
	@scripts/setup.sh demo
	@cargo build --quiet --release --locked --workspace
	@exec $(durward) demo $(ARGS)

.PHONY: build
build: ## Build the program as it is shipped: target/dist/durward
	@scripts/setup.sh build
	cargo build --profile dist --locked --package durward --bin durward

.PHONY: test
test: ## Everything that CI runs: format, lints, repository rules, all tests with real servers and clients
	@scripts/setup.sh test
	@tests/run

.PHONY: lint
lint: ## Format check, clippy and the repository rules
	@scripts/setup.sh build
	cargo fmt --all --check
	cargo clippy --release --locked --workspace --all-targets -- --deny warnings
	cargo xtask tidy

.PHONY: bench
bench: ## Measure against direct connections, a relay and PgBouncer; writes docs/benchmarks.md
	@scripts/setup.sh bench
	cargo build --profile dist --locked --package durward --bin durward
	@cargo xtask bench $(ARGS)

.PHONY: docs
docs: ## Write the generated pages of docs/ again
	@scripts/setup.sh build
	UPDATE_DOCS=1 cargo test --quiet --release --locked --workspace --bin durward configuration_page
	cargo run --quiet --release --locked --bin durward -- policy show --schema > docs/policy.cedarschema
