# The few commands to know. Each brings what it needs; ARGS="..." is passed on.

# A developer's own database must not become the one that the compiler asks: the query data in .sqlx is what counts.
unexport DATABASE_URL
export SQLX_OFFLINE = true

CARGO ?= cargo
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-dashboards browser-test test-compose kubernetes bench deny fuzz mutants prepare-sql fmt lint servers test-servers

help: ## List these commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: servers ## Mirror a simulated organisation of 120,000 users, with progress bars; nothing to configure.
	$(CARGO) build --release -p orgmirror
	$(TARGET_DIR)/release/orgmirror up --demo $(ARGS)

test: test-servers ## Check everything: format, lints, all tests on private servers, query data.
	$(CARGO) xtask test $(ARGS)

kubernetes: ## Check the Kubernetes manifests against the published schemas; needs kubectl, python3 and npm.
	TARGET_DIR=$(TARGET_DIR) sh deploy/kubernetes/check.sh

test-dashboards: test-servers ## Look at every panel and provoke every alert with a real Prometheus; takes minutes.
	$(CARGO) build -p orgmirror
	ORGMIRROR_BIN=$(abspath $(TARGET_DIR))/debug/orgmirror $(CARGO) test -p orgmirror-tests --test watching $(ARGS)

test-compose: ## Start docker-compose.yml for real, scale its workers in mid-run and look at its dashboards; needs root.
	sh deploy/test-compose.sh

browser-test: servers ## Use the console in a real Chromium: stories, axe, content security policy, weight of pages.
	@sh deploy/install-browser.sh
	$(CARGO) build -p orgmirror
	ORGMIRROR_BIN=$(abspath $(TARGET_DIR))/debug/orgmirror $(CARGO) test -p orgmirror-tests --features browser --test browser $(ARGS)

bench: servers ## Measure the product in a release build.
	$(CARGO) xtask bench $(ARGS)

deny: ## Check dependencies: known vulnerabilities, licences, sources. Needs cargo-deny and, for the first, a network.
	$(CARGO) deny check $(ARGS)

fuzz: ## Ask the simulator 300,000 drawn requests, right and wrong; CASES=n and SEED=n are passed on.
	ORGSIM_FUZZ_CASES=$(or $(CASES),300000) ORGSIM_FUZZ_SEED=$(or $(SEED),1) $(CARGO) test -p orgmirror-orgsim --test it nothing_breaks $(ARGS) -- --nocapture

mutants: servers ## Break one rule at a time and check that its test notices.
	$(CARGO) xtask mutants $(ARGS)

prepare-sql: servers ## Write .sqlx anew, after a change of SQL or of a migration.
	$(CARGO) xtask prepare-sql $(ARGS)

fmt: ## Format all code.
	$(CARGO) fmt --all

lint: ## Show what the linter would change.
	$(CARGO) clippy --workspace --all-targets -- -D warnings

test-servers: # The same, and Prometheus.
	@sh deploy/install-servers.sh --for-tests

servers: ## Install the Postgres and Redis server programs if they are missing.
	@sh deploy/install-servers.sh

# Where cargo leaves the executable, if somebody has moved it.
TARGET_DIR = $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
