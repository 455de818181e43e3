.PHONY: setup test lint ci soak house release site playground
bin := .venv/bin

setup: $(bin)/flowrun

$(bin)/flowrun: pyproject.toml
	python3 -m venv --without-pip .venv
	python3 -m pip --python .venv install -e '.[dev]'
	touch $@

test: setup
	$(bin)/pytest -n 3 --dist loadscope

soak: setup
	FLOWRUN_SOAK=1 $(bin)/pytest -n 2 --dist worksteal -m slow

lint: setup
	$(bin)/ruff check
	$(bin)/ruff format --check
	$(bin)/mypy

house: setup
	$(bin)/python .ci/house.py

site: setup
	cd docs && ../$(bin)/python -m builder

playground: setup
	cd docs && ../$(bin)/python -m playground

ci:
	.ci/run

release: setup
	@test -n "$(VERSION)" || { echo "usage: make release VERSION=0.2.0" >&2; exit 2; }
	$(bin)/python .ci/release.py prepare "$(VERSION)"
