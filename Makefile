# The commands to know: make train, make test. Both make .venv first, with plain venv and pip.
# make quick leaves out what takes long, and make test-all has what is left to chance try ten times as often.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: train test test-all quick lint tables reference clean

train: .venv/installed
	$(BIN)/archdsl train specs/alexnet.arch --input 1x96x96

test: lint
	$(BIN)/python -m pytest --numprocesses auto

test-all: test .venv/installed-fuzz
	ARCHDSL_TRIES=10 $(BIN)/python -m pytest --numprocesses auto --timeout 7200 -m chance
	$(BIN)/python fuzz/check.py -max_total_time=1200

quick: lint
	$(BIN)/python -m pytest --numprocesses auto -m "not slow"

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The grammar's tables, after a change of grammar/archdsl.lark.
tables: .venv/installed-dev
	$(BIN)/python -c "from archdsl.syntax.parse import write_tables; write_tables()"

# The part on words in grammar/README.md, docs/errors.md and specs/README.md, after a change of a layer, of the catalog
# or of a spec; the part on keys in docs/recipes.md, after a change of archdsl/recipe/recipe.py.
reference: .venv/installed-dev
	$(BIN)/python -m archdsl.reference
	$(BIN)/python -m archdsl.recipe.page

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --editable .
	touch $@

.venv/installed-dev: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --editable ".[dev]"
	touch $@ .venv/installed

.venv/installed-fuzz: .venv/installed-dev
	$(BIN)/python -m pip install --editable ".[fuzz]"
	touch $@

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
