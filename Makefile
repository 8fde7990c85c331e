# `make help` lists the targets. Everything is installed into .venv; nothing else is touched.
PYTHON ?= python3
BIN := .venv/bin
KAFKA := var/kafka/lib

.PHONY: help venv demo demo-check test check format contracts screenshots lock kafka torture bench clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

venv: .venv/.complete ## Install everything into .venv, locked by hash

.venv/.complete: requirements-dev.lock pyproject.toml $(wildcard streams/admit/native/*)
	$(PYTHON) -c 'import sys; sys.exit("Whence needs Python 3.11 or 3.12; %s is %d.%d. Say PYTHON=…" % (sys.executable, *sys.version_info[:2])) if not (3, 11) <= sys.version_info < (3, 13) else None'
	@echo "Installing into .venv: about 1.7 GB, one to three minutes. Nothing is shown meanwhile."
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: venv ## Play the story of a made-up company and open its page
	$(BIN)/whence demo

demo-check: venv ## Play a story at full speed and compare the causes found with the truth
	$(BIN)/whence demo --check

test: venv ## Run the tests, as CI does (those without Java or Chromium are skipped and say so)
	@$(MAKE) --no-print-directory kafka || echo "Apache Kafka could not be fetched: its tests will be skipped."
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: venv ## Types, style, import arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

contracts: venv ## Render the JSON Schemas, the lists of topics and tables, and the dashboards again
	$(BIN)/python -m schemas.contracts docs/contracts
	$(BIN)/python -m schemas.reference docs/topics.md
	$(BIN)/python -m sinks.reference docs/tables.md
	$(BIN)/python -m dashboards.grafana deploy/grafana

screenshots: venv ## Take the documentation's pictures of the page (needs Chromium)
	$(BIN)/python -m tools.pictures docs/images

lock: ## Lock the dependencies anew (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header --extra dev -c requirements.lock -o requirements-dev.lock pyproject.toml

kafka: $(KAFKA)/.complete ## Fetch Apache Kafka from Maven for tests and benchmarks (needs Java 17 and mvn)

$(KAFKA)/.complete: tools/kafka/pom.xml
	mvn -q -B -f tools/kafka/pom.xml dependency:copy-dependencies -DoutputDirectory=$(abspath $(KAFKA))
	@touch $@

torture: venv kafka ## Kill everything, many times, and compare row by row (takes a while)
	$(BIN)/python -m benchmarks.torture

bench: venv kafka ## Measure
	$(BIN)/python -m benchmarks.throughput

clean: ## Remove what can be made again
	rm -rf .venv var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
