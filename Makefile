# The verbs. Each does its own set-up (see tools/bootstrap.py); only Python >= 3.11, make and a package index are needed.
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2
STORIES := tests/stories tests/cluster_service/test_kills.py
# Where it is set, every process compiles again what it imports: a start of the service is 6.5 s of work instead of 2.8.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: bench-operator bench-cluster setup demo test test-stories soak check generate lock node-up node-down images test-cluster
setup:
	@$(PYTHON) tools/bootstrap.py

demo: setup  ## the story of README, on generated and real data
	@$(BIN)/python examples/demo

test: setup  ## everything that needs no cluster, but the stories
	$(BIN)/pytest -n $(WORKERS) $(STORIES:%=--ignore=%) $(ARGS)

test-stories: setup  ## services as processes of their own: the pages' examples, crashes at every step, parts ended under work
	$(BIN)/pytest -n $(WORKERS) $(STORIES) $(ARGS)

check: setup  ## format, lint, types, layers, dependencies, freshness of generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy */src tools/cluster
	$(BIN)/lint-imports
	$(BIN)/python tools/check_dependencies.py
	$(BIN)/python tools/check_tenancy.py
	$(BIN)/python tools/generate.py --check

soak: setup  ## every part of an installation ended thirty times under work: processes on loopback, then a real node (as root)
	RETORT_KILLS=30 $(BIN)/pytest -n0 --timeout=7200 tests/cluster_service/test_kills.py $(ARGS)
	RETORT_KILLS=30 RETORT_OUTAGE=60 $(BIN)/python tools/cluster soak $(ARGS)

generate: setup  ## everything that is made from a source: OpenAPI, reference pages
	$(BIN)/python tools/generate.py

lock:  ## resolve anew and write requirements/*.txt
	$(PYTHON) tools/lock.py

bench-operator: setup  ## the operator against a cluster in memory
	$(BIN)/python benchmarks/reconciling.py

bench-cluster: setup  ## tasks on a real node: latency, bursts, memory; ARGS go to pytest
	$(BIN)/python tools/cluster bench -p no:randomly --timeout=3600 $(ARGS)

bench-%: setup  ## bench-tables, bench-tasks, bench-state: prints ratios, exit 1 when a bar is missed
	$(BIN)/python benchmarks/$*.py

node-up: setup  ## a real Kubernetes node on this machine, as root: export KUBECONFIG=$$(make -s node-up)
	@$(BIN)/python tools/cluster up

node-down: setup  ## the node is gone, what was built stays in the cache
	@$(BIN)/python tools/cluster down

images: setup  ## executor, operator, API and what tests need beside them, as OCI archives; into the node if it is up
	$(BIN)/python tools/cluster images executor operator api dev-postgresql dev-s3

test-cluster: setup  ## the product on a real cluster: brought up, tested, put away. ARGS go to pytest
	$(BIN)/python tools/cluster test $(ARGS)
