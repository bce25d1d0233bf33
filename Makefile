# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
#
# make run      opens the window on a scratch image that a workload writes to
#               (IMAGE=disk.img opens that image instead, and writes nothing)
# make test     everything a change must pass
# make setup    installs what `make run` needs; every target does so by itself
# make lint     format, lint, imports and types alone
# make coverage the tests once more, and how much of the code they reach, by branch
# make soak     the randomised tests, for hours
# make bench    the figures of the README, measured here and now, and more of them than `rangepair bench`
# make clean    removes all that make made

VENV := .venv
BIN := $(VENV)/bin
IMAGE ?=

.PHONY: run test setup setup-test lint coverage soak bench clean

run: setup
	@$(BIN)/python -m gui.app $(or $(IMAGE),--scratch)

test: setup-test lint
	$(BIN)/python -m pytest -n 2 --dist loadfile
	@test "$$(id -u)" = 0 || echo "make test: not run as root, so attaching was NOT tested against the kernel"

lint: $(VENV)/.with-tools
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/mypy

coverage: setup-test
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --include='core/format/*,core/mapping/*' --fail-under=100
	$(BIN)/coverage report --include='core/journal/*' --fail-under=97
	$(BIN)/coverage report

soak: setup-test
	RANGEPAIR_TEST_PROFILE=soak $(BIN)/python -m pytest --timeout=0 -m "not gui"

bench: setup
	$(BIN)/python -m bench

setup: $(VENV)/.system-window $(VENV)/.installed

setup-test: $(VENV)/.system-test $(VENV)/.with-tools

# Stamps: a target made once is not made again until what it was made from changes.
$(VENV)/.installed: pyproject.toml tools/make-venv.sh
	@sh tools/make-venv.sh $(VENV)
	@touch $@

$(VENV)/.with-tools: pyproject.toml tools/make-venv.sh
	@sh tools/make-venv.sh $(VENV) test lint
	@touch $@ $(VENV)/.installed

$(VENV)/.system-window: tools/system-packages.sh | $(VENV)/.installed
	@sh tools/system-packages.sh window
	@touch $@

$(VENV)/.system-test: tools/system-packages.sh | $(VENV)/.with-tools
	@sh tools/system-packages.sh window test
	@touch $@ $(VENV)/.system-window

clean:
	rm -rf $(VENV) build dist artifacts *.egg-info .coverage* .hypothesis
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
