# Coldwatch. `make` lists the targets; each does all of its own set-up.
SHELL := /bin/sh
# Certificates of the system, as pip does: a company's proxy may be vouched for there alone.
export UV_SYSTEM_CERTS := 1
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ENVIRONMENTS := .local/environments
BOOT := $(ENVIRONMENTS)/bootstrap
UV := $(BOOT)/bin/uv
LOCKED := functions/requirements requirements/bootstrap requirements/dev requirements/cloud requirements/sam \
          requirements/runtime requirements/iotevents requirements/audit requirements/mutation requirements/bench

# --- environments: one for each set of pins that cannot live together ---------------------------------------
$(BOOT)/ready: requirements/bootstrap.txt
	@python=$$(./local/find_python.sh) && mkdir -p $(@D) && "$$python" -m venv --clear $(@D) \
	  && $(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $< && touch $@

define environment
	@echo "setting up $(@D)" && $(UV) venv -q --clear --no-project --python $(BOOT)/bin/python $(@D) \
	  && $(UV) pip install -q --require-hashes --python $(@D)/bin/python -r $<
endef

.venv/ready: requirements/dev.txt pyproject.toml $(BOOT)/ready
	$(environment)
	@$(UV) pip install -q --no-deps --python .venv/bin/python -e . && touch $@
$(ENVIRONMENTS)/%/ready: requirements/%.txt $(BOOT)/ready
	$(environment)
	@touch $@

# The one peer that is not Python; without Node its row is left out.
$(ENVIRONMENTS)/xstate/ready: $(addprefix benchmarks/xstate/,package-lock.json package.json candidate.mjs)
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D) && if command -v node >/dev/null && command -v npm >/dev/null; \
	  then cd $(@D) && npm ci --silent --no-audit --no-fund --ignore-scripts; fi
	@touch $@

# The checker of accessibility for the browser tests; without npm they skip what it would find, but in CI they fail.
$(ENVIRONMENTS)/axe/ready: $(addprefix tests/e2e/axe/,package-lock.json package.json)
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D) && if command -v npm >/dev/null; \
	  then cd $(@D) && npm ci --silent --no-audit --no-fund --ignore-scripts && touch ready; \
	  else echo "no npm here: the browser tests leave out what axe would find" >&2; test -z "$$CI"; fi

SETUP := .venv/ready $(foreach name,cloud sam runtime iotevents,$(ENVIRONMENTS)/$(name)/ready)

# --- what people run ---------------------------------------------------------------------------------------
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(SETUP) ## Make the environments (every other target does this by itself)

demo: $(SETUP) ## Show everything in about three minutes; writes .local/demo.json
	@.venv/bin/python -m local.demo

up: $(SETUP) ## Build, start and deploy on this machine, and leave it running (KEEP=1 keeps its state)
	@.venv/bin/python -m local up $(if $(KEEP),--keep) $(if $(PORT),--port $(PORT)) $(if $(MQTT_PORT),--mqtt-port $(MQTT_PORT))

play: $(SETUP) ## Break a fridge in the cloud that is up; you are its responder
	@.venv/bin/python -m local.play

down: .venv/ready ## Stop it and leave nothing behind (FORGET=1 removes what KEEP=1 kept, too)
	@.venv/bin/python -m local down $(if $(FORGET),--forget)

invoke: $(SETUP) ## Invoke a built function with its sample event: make invoke NAME=store_telemetry
	@test -n "$(NAME)" || { echo "name a function: make invoke NAME=store_telemetry" >&2; exit 2; }
	@.venv/bin/python -m local.invoke $(NAME) $(if $(EVENT),--event $(EVENT))

test: $(SETUP) $(ENVIRONMENTS)/axe/ready ## Run every test but the long ones
	@.venv/bin/pytest -m "not long" --numprocesses auto --dist loadscope

test-pages: .venv/ready $(ENVIRONMENTS)/axe/ready ## The incident page in Chromium: axe, journeys, attacks; pictures into .local/screenshots
	@.venv/bin/pytest tests/e2e/test_incident_page_in_chromium.py

test-journeys: $(SETUP) $(ENVIRONMENTS)/axe/ready ## From the message to the report in Chromium, and a storm, against the local cloud
	@.venv/bin/pytest tests/e2e/test_incident_page_in_a_browser.py tests/e2e/test_storm.py

# What only computes goes side by side; what measures a cloud has the machine to itself.
test-long: $(SETUP) $(ENVIRONMENTS)/axe/ready ## Run the long ones: bursts, races, simulations, the page in a browser
	@.venv/bin/pytest -m "long and not cloud" --numprocesses auto --dist loadscope
	@.venv/bin/pytest -m "long and cloud"

coverage: .venv/ready ## Branch coverage of the engine by its own tests; fails below 98 %
	@mkdir -p .local && .venv/bin/coverage run -m pytest -q tests/unit/engine tests/conformance && .venv/bin/coverage report

# A seed that fails says how to run it again, alone and made smaller.
simulate: .venv/ready ## The detectors' runtime in a simulated world where everything goes wrong (SEEDS, FIRST; SEED for one)
	@PYTHONPATH=functions:. .venv/bin/python -m tests.simulation --seeds $(or $(SEEDS),5000) $(if $(FIRST),--first $(FIRST)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(KINDS),--kinds $(KINDS)) $(if $(DEVICES),--devices $(DEVICES)) $(if $(MESSAGES),--messages $(MESSAGES)) \
	  $(if $(PHASES),--phases $(PHASES)) $(if $(BUG),--bug $(BUG)) $(if $(STEPS),--steps $(STEPS))

mutate: $(ENVIRONMENTS)/mutation/ready ## Mutation testing of parser, checker and interpreter, on a copy; takes an hour
	@rm -rf .local/mutation && mkdir -p .local/mutation && cp -R functions ops tests pyproject.toml detectors schemas .local/mutation
	@cd .local/mutation && PATH="$(CURDIR)/$(ENVIRONMENTS)/mutation/bin:$$PATH" && sh tests/mutation/see.sh >/dev/null \
	  && cosmic-ray init tests/mutation/cosmic-ray.toml session.sqlite \
	  && cr-filter-operators session.sqlite tests/mutation/cosmic-ray.toml \
	  && cosmic-ray exec tests/mutation/cosmic-ray.toml session.sqlite \
	  && cr-report --surviving-only --show-diff session.sqlite

# One round of BENCH_MESSAGES=100000 ROUNDS=1 takes seconds; the figures in docs/benchmarks.md are of the defaults.
bench: $(ENVIRONMENTS)/bench/ready $(ENVIRONMENTS)/xstate/ready ## The engine beside its peers (BENCH_MESSAGES, ROUNDS); writes .local/bench.json
	@PYTHONPATH=functions $(ENVIRONMENTS)/bench/bin/python -m benchmarks $(if $(BENCH_MESSAGES),--messages $(BENCH_MESSAGES)) \
	  $(if $(ROUNDS),--rounds $(ROUNDS))

bench-handler: .venv/ready ## What a batch costs evaluate_detectors beside the least that has to be done with it
	@PYTHONPATH=functions .venv/bin/python -m benchmarks.handler

check: .venv/ready $(ENVIRONMENTS)/sam/ready ## Lint, types and templates
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/cfn-lint template.yaml
	SAM_CLI_TELEMETRY=0 $(ENVIRONMENTS)/sam/bin/sam validate --lint

audit: $(ENVIRONMENTS)/audit/ready ## Policies of the template (checkov) and known faults of the dependencies (pip-audit)
	$(ENVIRONMENTS)/audit/bin/checkov --quiet --compact --framework cloudformation --file template.yaml --config-file .checkov.yaml
	$(ENVIRONMENTS)/audit/bin/pip-audit --require-hashes --disable-pip -r functions/requirements.txt

lock: $(BOOT)/ready ## Renew the pinned and hashed requirements from the .in files
	@for name in $(LOCKED); do \
	  $(UV) pip compile -q --upgrade --generate-hashes --python-version 3.13 --no-header --no-annotate $$name.in -o $$name.txt || exit 1; \
	done

clean: down ## Remove everything that was built or set up
	rm -rf .local .aws-sam .venv

.PHONY: help setup demo up play down invoke test test-pages test-journeys test-long coverage simulate mutate bench bench-handler check audit lock clean
