# make run    watch the space that site.yaml describes, or a simulated one
# make test   lint, types, import contracts and all tests
# make bench  measure Deskwatch beside public tools, into bench/RESULTS.md
# make soak   kill the service 200 times in a storm of 500 alerts, on each database (about an hour)
# make scrape-soak   let Prometheus scrape the demo for ten minutes while things break (a quarter of an hour)
# make dashboards    renew grafana/dashboards and grafana/alerting from what the kinds and the service declare
# make catalogue    renew the text catalogue and its translations after a change of what is said
# make screenshots   renew the pictures in the README
# make lock   renew the locked requirements after a change in pyproject.toml

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
SITE   ?= site.yaml

.PHONY: run test bench soak scrape-soak debian dashboards catalogue screenshots lock clean
.DEFAULT_GOAL := run

run: $(VENV)/ready
	@if [ -e "$(SITE)" ]; then exec $(BIN)/deskwatch run "$(SITE)"; else exec $(BIN)/deskwatch demo; fi

# Every worker, every process of a story and every driver of a browser starts faster when what it compiled is kept.
test: export PYTHONDONTWRITEBYTECODE =
test: export NODE_COMPILE_CACHE = $(CURDIR)/$(VENV)/node
test: $(VENV)/ready-for-tests debian
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest -n $$((2 * $$(nproc))) --dist loadfile --no-loadscope-reorder

bench: $(VENV)/ready-for-tests
	@sh tests/setup/debian.sh bench/debian.txt
	$(BIN)/python -m bench

soak: $(VENV)/ready-for-tests debian
	DESKWATCH_KILLS=200 DESKWATCH_ALERTS=500 $(BIN)/pytest -s tests/stories/test_soak.py

scrape-soak: $(VENV)/ready-for-tests debian
	DESKWATCH_SCRAPE_SECONDS=600 $(BIN)/pytest tests/stories/test_prometheus.py

$(VENV)/ready: requirements.lock pyproject.toml
	@echo "Setting up Deskwatch in $(VENV) (once, about a minute) ..."
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh tests/setup/venv.sh
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q monitor probes alerting incidents language
	@touch $@

$(VENV)/ready-for-tests: $(VENV)/ready tests/setup/requirements.lock
	@echo "Adding what the tests need ..."
	@$(PIP) install --require-hashes -r tests/setup/requirements.lock
	@touch $@

debian:
	@sh tests/setup/debian.sh tests/setup/debian.txt

dashboards: $(VENV)/ready-for-tests
	$(BIN)/python -m grafana
	$(BIN)/python -m grafana.alerting

catalogue: $(VENV)/ready-for-tests
	$(BIN)/python -m catalogue

screenshots: $(VENV)/ready-for-tests debian
	DESKWATCH_SCREENSHOTS=docs $(BIN)/pytest tests/stories/test_browser.py tests/stories/test_days.py tests/monitor/web/test_reports_browser.py

lock:
	@$(PIP) install --quiet uv
	@BIN="$(BIN)" sh tests/setup/lock.sh

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
