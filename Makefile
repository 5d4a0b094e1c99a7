# make up      the cluster and the shop, from whatever is there to a shop that answers on 127.0.0.1:8080
# make demo    the same, with the catalogue loaded and a flash sale run before your eyes
# make check   format, lint, types, import rules, generated files, unit and contract tests: no cluster, under a minute
# make test    [RUNS=n] [ROWS=all|rush] check, up, and every test that needs the cluster; every fault in a sale of its own, too
# make bench   [ONLY=name] measurements against their alternatives; writes .local/bench.json
# make load    [USERS=20] [FOR=1m] an ordinary day's shopping on the running shop, and locust's summary of it
# make soak    [SCHEDULES=20] [SEED=n] [SECONDS_EACH=300] sales under random faults; writes .local/soak.json
# make down    stops the cluster; compiled programs, images and volumes stay
#
# Everything missing is installed first. All targets may be interrupted and run again.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
export AMAZONLITE_HOME ?= $(HOME)/.cache/amazonlite
# Where it is set, every program compiles all its modules at every start: seconds of processor time for each.
unexport PYTHONDONTWRITEBYTECODE

UV_VERSION := 0.13.9
UV := $(AMAZONLITE_HOME)/uv-$(UV_VERSION)/bin/uv
RUN := $(UV) run --frozen --no-sync
INSIDE := $(RUN) amazonlite inside --
# Side by side, in the order that tests/support/sharing.py gives; a test marked `serial` waits until it has the cluster alone.
WORKERS ?= 4
PYTEST := .venv/bin/pytest -q -p no:randomly
SIDE_BY_SIDE := $(PYTEST) --durations=20 -n $(WORKERS) --dist load --maxschedchunk 1
installed = tools/install-packages.sh $(1)
USERS ?= 20
FOR ?= 1m
SCHEDULES ?= 20
SECONDS_EACH ?= 300

.PHONY: help up down demo test check bench load soak sync
help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

$(UV):
	@echo "installing uv $(UV_VERSION)"
	@python3 -c 'import ensurepip' 2>/dev/null || $(call installed,python3-venv)
	@python3 -m venv --clear $(@D)/..
	@$(@D)/pip install -q --disable-pip-version-check uv==$(UV_VERSION)

sync: $(UV)
	@$(UV) sync --frozen -q

up: sync
	@$(RUN) amazonlite up

down: sync
	@$(RUN) amazonlite down

demo: up
	@$(RUN) amazonlite demo

# What is fastest to read comes first; -O shows each part's output once it has ended.
CHECKS := check-style check-imports check-generated check-types check-tests
.PHONY: $(CHECKS)
check: sync
	@$(MAKE) --no-print-directory -O -j 2 $(CHECKS)

check-style:
	$(RUN) ruff format --check -q .
	$(RUN) ruff check -q .

check-imports:
	$(RUN) lint-imports

check-generated:
	$(RUN) python -m amazonlite_operator.generate --check
	$(RUN) python -m amazonlite.common.events.asyncapi --check
	$(RUN) python -m amazonlite.common.events.access --check

check-types:
	$(RUN) mypy services operator tools

check-tests:
	$(RUN) $(PYTEST) tests/unit tests/contract
	$(RUN) $(PYTEST) --collect-only -q tests >/dev/null

# What tests and benchmarks start themselves; Debian's packages are named like their programs.
program-%:
	@command -v $* >/dev/null || $(call installed,$*)

test: check up program-redis-server
	$(INSIDE) $(SIDE_BY_SIDE) tests/integration tests/race tests/protocol tests/e2e tests/chaos

bench: up program-redis-server program-wrk program-nginx
	@PYTHONPATH=tests $(INSIDE) .venv/bin/python -m load.bench $(ONLY)

load: up
	@$(RUN) locust -f tests/load/locustfile.py --headless --only-summary -u $(USERS) -r 10 -t $(FOR)

soak: up
	@PYTHONPATH=tests $(INSIDE) .venv/bin/python -u -m soak $(SCHEDULES) $(SECONDS_EACH) $(SEED)
