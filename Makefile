.PHONY: setup test lint ci
bin := .venv/bin

setup: $(bin)/flowrun

$(bin)/flowrun: pyproject.toml
	python3 -m venv --without-pip .venv
	python3 -m pip --python .venv install -e '.[dev]'
	touch $@

test: setup
	$(bin)/pytest

lint: setup
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy

ci:
	.ci/run
