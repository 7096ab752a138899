# SPDX-License-Identifier: Apache-2.0
# `make demo` and `make test` do all set-up by themselves.

.PHONY: demo test quick test-kernel test-migration fuzz lint typing bench setup clean

demo: setup
	tools/demo

# Tests wait for time-outs and for processes as much as they compute, so there are more
# workers than cores. Each has a simulation of its own of what many tests look at:
# neighbours stay together, and a worker that is done takes from the end of another's.
# What is compiled is kept, also where PYTHONDONTWRITEBYTECODE is set.
PYTEST = PYTHONDONTWRITEBYTECODE= .venv/bin/python -m pytest --dist worksteal

test: setup
	$(PYTEST) --numprocesses $$((2 * $$(nproc)))

quick: setup
	$(PYTEST) --numprocesses $$(nproc) -m quick

test-kernel: setup
	tests/kernel/run .venv/bin/python

test-migration: setup
	tests/migration/run .venv/bin/python

CASES = 100000
fuzz: setup
	.venv/bin/python -m tests.fuzz --cases $(CASES)

lint: setup
	.venv/bin/ruff check
	.venv/bin/ruff format --check

typing: setup
	.venv/bin/mypy

bench: setup
	.venv/bin/python -m benchmarks.startup
	.venv/bin/python -m benchmarks.list
	.venv/bin/python -m benchmarks.check
	.venv/bin/python -m benchmarks.scan
	.venv/bin/python -m benchmarks.nvml
	.venv/bin/python -m benchmarks.fleet
	.venv/bin/python -m benchmarks.vm
	.venv/bin/python -m benchmarks.report
	.venv/bin/python -m benchmarks.stream
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --group bench
	.venv/bin/python -m benchmarks.evaluate
	.venv/bin/python -m benchmarks.grid

setup:
	@tools/setup

clean:
	rm -rf .venv .cache build dist
