# Coldwatch. `make` lists the targets; each does all of its own set-up.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PY := .venv/bin/python
CLOUD := .local/environments/cloud
SAM := .local/environments/sam
AUDIT := .local/environments/audit
BOOT := .local/environments/bootstrap

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environments: one per set of pins that cannot live together -------------------------------------------
$(BOOT)/ready: requirements/bootstrap.txt
	@python=$$(./local/find_python.sh) && mkdir -p $(@D) && "$$python" -m venv $(@D) \
	  && $(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $< && touch $@

define environment
	@echo "setting up $(1)" && $(BOOT)/bin/uv venv -q --clear --no-project --python $(BOOT)/bin/python $(1) \
	  && $(BOOT)/bin/uv pip install -q --require-hashes --python $(1)/bin/python -r $(2) && touch $(1)/ready
endef

.venv/ready: requirements/dev.txt pyproject.toml $(BOOT)/ready
	$(call environment,.venv,$<)
	@$(BOOT)/bin/uv pip install -q --no-deps --python .venv/bin/python -e .
$(CLOUD)/ready: requirements/cloud.txt $(BOOT)/ready
	$(call environment,$(CLOUD),$<)
$(SAM)/ready: requirements/sam.txt $(BOOT)/ready
	$(call environment,$(SAM),$<)
$(AUDIT)/ready: requirements/audit.txt $(BOOT)/ready
	$(call environment,$(AUDIT),$<)

setup: .venv/ready $(CLOUD)/ready $(SAM)/ready ## Make the environments (every other target does this by itself)

lock: $(BOOT)/ready ## Renew the pinned and hashed requirements from the .in files
	for name in functions/requirements requirements/bootstrap requirements/dev requirements/cloud requirements/sam requirements/audit; do \
	  $(BOOT)/bin/uv pip compile -q --upgrade --generate-hashes --python-version 3.13 --no-header --no-annotate $$name.in -o $$name.txt || exit 1; \
	done

check: .venv/ready ## Lint, types, templates
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy

.PHONY: help setup lock check
