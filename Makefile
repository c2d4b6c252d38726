# Everything a developer does, and a stranger's first two commands: make demo, make test.
VENV := .venv
BIN := $(VENV)/bin
PARSER := $(shell find packages/http-parser -name '*.py' -o -name '*.toml')

.DEFAULT_GOAL := help
.PHONY: help venv mesos demo test test-quick test-system test-mutations test-topologies test-mpi lint format bench deb clean

help: ## this list
	@echo "torque-mesos: an elastic TORQUE cluster on Apache Mesos"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 26

venv: $(VENV)/installed ## the virtual environment in .venv (Python 3.11 or later)

$(VENV)/installed: pyproject.toml dev/venv.sh $(PARSER)
	@sh dev/venv.sh $(VENV)

mesos: venv ## the development Mesos in dev/mesos/build (Debian packages as root)
	@$(BIN)/python -m dev.mesos.install

demo: venv ## watch a real Mesos give nodes to a batch queue and take them back
	@$(BIN)/python -m dev.demo

test: mesos test-quick test-system ## all tests

test-quick: venv ## the tests that start no daemons
	$(BIN)/python -m pytest -m "not system and not torque"

test-system: mesos ## the tests on a real Mesos (as root BATCH=all SCHED=pbs_sched,maui: on real servers, too)
	$(BIN)/python -m pytest$(if $(BATCH), tests/system --batch $(BATCH)$(if $(SCHED), --sched $(SCHED)), -m "system or torque")

test-topologies: mesos ## the Debian packages on clusters of one to six hosts (as root; BATCH=torque,openpbs)
	$(BIN)/python -m pytest -s tests/topologies$(if $(BATCH),/test_topologies.py --batch $(BATCH))

test-mpi: mesos ## MPI in jobs of several hosts (as root; BATCH=all: with TORQUE and OpenPBS, too)
	$(BIN)/python -m pytest tests/pelog/test_mpi.py tests/pelog/test_ssh.py$(if $(BATCH), --batch $(BATCH))

test-mutations: venv ## whether the tests of decisions notice faults in the code
	$(BIN)/python -m tests.decide.test_mutations

lint: venv ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: venv ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: venv ## damaged answers of the batch servers, a minute for each reader (installs atheris)
	$(BIN)/pip install --quiet atheris
	for target in torque-jobs torque-nodes torque-queues torque-server \
	    openpbs-jobs openpbs-nodes openpbs-queues openpbs-server; do \
	    $(BIN)/python -m tests.fuzz $$target 60 || exit 1; done

bench: mesos ## the benchmarks that need no TORQUE
	$(BIN)/python -m benchmarks

deb: ## the Debian packages in dist/ (needs python3 with venv, and dpkg-deb)
	@sh dev/deb/build.sh dist

clean: ## remove what the targets above made
	rm -rf $(VENV) dist dev/mesos/build .mypy_cache .ruff_cache .pytest_cache .hypothesis
