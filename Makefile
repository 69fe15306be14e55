# SPDX-License-Identifier: LGPL-2.1-or-later
PYTHON ?= /usr/bin/python3
PLANEX := .venv/bin/planex

.DEFAULT_GOAL := help
.PHONY: help deps host test lint unit integration install-proof lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

deps: .venv/.installed ## Install what planex needs: system packages, then .venv

.venv/.installed: requirements.lock pyproject.toml planex/data/system-packages.tsv
	@scripts/install-system-packages
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@# compat: a plain path, where setuptools' own finder takes 40 ms of every start
	@.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--config-settings editable_mode=compat -e .
	@touch $@

host: deps ## Build everything from source and boot the host ISO, by BIOS and by UEFI
	$(PLANEX) base build
	$(PLANEX) build
	$(PLANEX) iso build
	$(PLANEX) iso show
	for iso in _build/*/iso/*.iso; do $(PLANEX) iso verify "$$iso" || exit; done
	$(PLANEX) boot --firmware bios
	$(PLANEX) boot --firmware uefi

test: deps lint ## Run all tests
	.venv/bin/pytest

lint: deps ## Check style and types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

unit: deps ## Run the tests that take seconds
	.venv/bin/pytest tests/unit

integration: deps ## Run the tests with real tools
	.venv/bin/pytest tests/integration

install-proof: deps ## Install the built ISO in QEMU in every way, upgrade, cut the power, start a guest (an hour or two)
	$(PLANEX) boot --matrix --only '*-scenario-*'

lock: ## Pin the newest Python packages in requirements.lock
	.venv/bin/pip install --quiet pip-tools
	.venv/bin/pip-compile --quiet --extra dev --generate-hashes --allow-unsafe --strip-extras --upgrade \
		--no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o requirements.lock pyproject.toml

clean: ## Delete everything made (packages, ISOs, caches), keeping .venv
	@test ! -x $(PLANEX) || $(PLANEX) clean --all
