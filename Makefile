# The first of these that is run makes the environment: VENV (.venv) from PYTHON (python3), see .ci/setup.sh.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2

RUN := $(VENV)/bin/python -m
READY := $(VENV)/.ready

.PHONY: demo test test-postgres test-cluster drill scale lint types contracts check setup clean
.DEFAULT_GOAL := demo

demo: setup
	@$(RUN) experiments.run -m study=demo execution.results=null
	@echo
	@echo "Next, your own data (corpus.jsonl, queries.jsonl, qrels/train.tsv, qrels/test.tsv in one folder):"
	@echo "  $(RUN) experiments.run -m study=own_data data=beir data.path=FOLDER"

# One thread each: two workers that each take every core slow one another down.
test: setup
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(RUN) pytest -n $(WORKERS) --cov --cov-report=term:skip-covered

# A sweep interrupted fifty times, by signals, a full disk, flipped bytes and a second driver: results/drill.
drill: setup
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(RUN) tests.drill --rounds 50 --out results/drill
	@$(RUN) analysis build demo >/dev/null

# Memory of a million synthetic passages; exact against approximate search, of a collection in BEIR_HOME and of synthetic
# vectors: results/scale. Twenty minutes of one core.
scale: setup
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(RUN) tests.scale
	@$(RUN) analysis build demo >/dev/null

# A search in a real PostgreSQL server, whose programs must be there; needs the extra [search].
test-postgres: setup
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(RUN) pytest -q tests/searching/check_postgres.py

# SLURM and Ray on this machine, a sweep through each, jobs and drivers killed: tests/cluster/README.md. About 10 minutes.
test-cluster: setup
	@VENV="$(VENV)" sh tests/cluster/setup.sh
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 CLUSTER_DIARY=outputs/cluster/diary.md $(RUN) pytest -m cluster tests/cluster
	@OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(RUN) pytest tests/engines/test_ray.py

lint: setup
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .

types: setup
	@$(RUN) mypy

contracts: setup
	@$(VENV)/bin/lint-imports

check: lint types contracts test
	@$(RUN) analysis build --check

setup: $(READY)

$(READY): pyproject.toml constraints.txt .ci/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh .ci/setup.sh

# Caches, and the environment if the set-up made it. What was computed (outputs/, results/) stays.
clean:
	rm -rf .coverage coverage.xml .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis *.egg-info
	@if [ -e "$(VENV)/.made-here" ]; then echo 'rm -rf "$(VENV)"'; rm -rf "$(VENV)"; fi
