#!/usr/bin/env bash
# Sets up a private environment in .venv (once), then runs the whole suite.
set -euo pipefail

usage() {
    cat <<'TEXT'
./run_all.sh [--frameworks] [options of `headtohead run`]

Trains identical networks with sigmoid and softmax heads, executes the notebooks and writes
results/<preset>/report.html. The first start installs the packages into .venv; the later ones start at once.

  --preset quick|standard|full   how much to run (default: standard; quick is a few minutes)
  --out DIR                      where the results go (default: results/<preset> beside this script)
  --frameworks                   first install PyTorch and JAX too: the numerics atlas then covers every backend
  -h, --help                     this text

Every further option goes to `headtohead run`; after the set-up, .venv/bin/headtohead run --help lists them all.
Example: ./run_all.sh --preset quick --tasks breast_cancer --networks mlp --seeds 5
TEXT
}

frameworks="" preset=standard out="" previous=""
arguments=()
for argument in "$@"; do
    case "$argument" in
    -h | --help)
        usage
        exit 0
        ;;
    --frameworks) frameworks=yes ;;
    *) arguments+=("$argument") ;;
    esac
    case "$argument" in
    --out | --out=*) out=given ;;
    --preset=*) preset="${argument#*=}" ;;
    esac
    if [ "$previous" = --preset ]; then preset="$argument"; fi
    previous="$argument"
done

# shellcheck source=scripts/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/scripts/setup.sh"
set_up requirements.txt
if [ -n "$frameworks" ]; then set_up requirements-frameworks.txt; fi
# from whichever folder it is started, the results are found beside the script
if [ -z "$out" ]; then arguments+=(--out "$ROOT/results/$preset"); fi

# -P: a folder named `experiments` where the user stands must not be taken for the package
exec "$VENV/bin/python" -P -m experiments run "${arguments[@]}"
