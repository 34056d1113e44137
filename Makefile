# Two commands for a newcomer: `make demo` and `make test`. The rest: `make help`.
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# Otherwise each process compiles all modules again, which doubles the time of its start.
unexport PYTHONDONTWRITEBYTECODE
# The order matters: each generator may read files that the previous ones write.
GENERATORS := bundle dashboards chart generate_docs

.PHONY: help demo test check fix generate rules mutate worlds replay calm slow bundle integration idle-cuts cluster five-minutes soak hostile dashboards bench beside image tools release lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(None if v >= (3, 11) else "coderun-exporter needs Python 3.11 or newer; this is %d.%d. Try: make PYTHON=python3.12" % v[:2])'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

demo: $(READY) ## replay the incidents on this machine in a minute; no cluster needed; DEMO="--speed 120"
	@$(BIN)/python -m lab.demo $(DEMO)

test: $(READY) ## run every test; tests that need a missing component are skipped, with its name; TEST="--cov" measures coverage
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(TEST)

check: $(READY) ## check format, lint, types, imports between packages, the Dockerfile, and that generated files are up to date
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	@for generator in $(GENERATORS); do $(BIN)/python -m tools.$$generator --check || exit; done

fix: $(READY) ## format, and apply the fixes of the linter
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

generate: $(READY) ## generate all files that are derived from code and rules: deploy/, dashboards/, the chart, pages
	@for generator in $(GENERATORS); do $(BIN)/python -m tools.$$generator || exit; done

rules: $(READY) ## test the rules bundle: promtool (oldest and newest), vmalert-tool, routes, scenarios, generated files
	$(BIN)/python -m tools.bundle --check
	$(BIN)/python -m tools.generate_docs --check
	$(BIN)/python -m pytest -q tests/rules tests/tools/test_bundle_settings.py tests/tools/test_victoriametrics.py

mutate: $(READY) ## mutation tests of the rules: the unit tests must detect every change
	$(BIN)/python -m tools.mutate $(MUTATE)

worlds: $(READY) ## alerts and notifications for objects of the real platform; writes docs/worlds.md
	$(BIN)/python -m tools.worlds $(WORLDS)

replay: $(READY) ## replay the incidents at full length; writes docs/time-to-detection.md
	$(BIN)/python -m tools.replay $(REPLAY)

calm: $(READY) ## simulate a month of normal operation, and one with 50 faults (an hour on 2 cores); CALM="--days 2 --faults 24" is shorter
	$(BIN)/python -m tools.calm $(CALM)

slow: $(READY) ## simulate 1,000 hours of agents that build and test in silence; SLOW="--hours 250" is shorter
	$(BIN)/python -m tools.slow $(SLOW)

bundle: $(READY) ## generate PrometheusRules from the rules; VERSION=... packs a release, with RUNBOOKS=https://... or SETTINGS=FILE as alerts/README.md says
	$(BIN)/python -m tools.bundle $(if $(VERSION),--release --version $(VERSION) $(if $(SETTINGS),--settings '$(SETTINGS)') $(if $(RUNBOOKS),--runbooks $(RUNBOOKS)))

integration: $(READY) ## integration tests with a real API server, Prometheus and Alertmanager; prints the table of faults
	$(BIN)/python -m pytest tests/integration $(INTEGRATION)

idle-cuts: $(READY) ## idle watches behind load balancers that close connections after 35 s and 60 s, real API server; ten minutes
	CUTS="35 60" SECONDS=600 $(BIN)/python -m pytest -s tests/integration/test_idle_cuts.py

cluster: $(READY) ## run a real cluster on loopback until Ctrl-C
	@$(BIN)/python -m tools.cluster

five-minutes: $(READY) ## run the commands of docs/five-minutes.md, from an empty cluster to alerts: kustomize, Helm, Operator; 4 minutes
	@$(BIN)/python -m tools.five_minutes $(WAY)

soak: $(READY) ## soak test: load, scrapes and faults for minutes or hours; SOAK="--minutes 60 --real"
	$(BIN)/python -m tools.soak $(SOAK)

hostile: $(READY) ## measure the exporter with hostile clients: 500 concurrent scrapes, slow readers, idle connections
	$(BIN)/python -m bench.hostile $(HOSTILE)

dashboards: $(READY) ## generate the dashboards; RENDER=1 draws them on the demo and writes docs/dashboards.md
	$(BIN)/python -m tools.dashboards $(if $(RENDER),--render $(filter-out 1,$(RENDER)))

bench: $(READY) ## benchmark the exporter, for docs/performance.md; BENCH="--objects 100000"
	$(BIN)/python -m bench.bench $(BENCH)

beside: $(READY) ## benchmark the exporter and kube-state-metrics, for docs/performance.md; BESIDE="--objects 100000"
	$(BIN)/python -m bench.beside $(BESIDE)

image: ## build the container image with podman and its own storage (as root); tools/image/podman runs it
	tools/image/build

tools: ## get the real components for the tests, such as Kubernetes, Prometheus and agent CLIs (needs Go, Node.js; 40 minutes once)
	tools/build
	tools/dashboards/schema/build
	tools/agents/build

release: $(READY) ## pack a release (VERSION=...): wheel, rules, chart, checksums and release notes, in dist/
	tools/release "$(VERSION)" dist

lock: $(READY) ## pin every dependency with its hashes
	$(BIN)/uv pip compile -q --universal --no-strip-extras --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --no-strip-extras --generate-hashes --no-header --python-version 3.11 pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	echo hatchling | $(BIN)/uv pip compile -q --universal --no-strip-extras --generate-hashes --no-header --python-version 3.11 - -c requirements/dev.txt -o requirements/build.txt

clean: ## remove the files that make created
	rm -rf .venv .tools dist build .coverage .coverage.* htmlcov .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
