#!/usr/bin/env bash
# Sets up the same environment as run_all.sh, with the test tools and the other frameworks, then runs the tests.
set -euo pipefail

usage() {
    cat <<'TEXT'
./run_tests.sh [--slow] [options and files of pytest]

Without a file or an option of pytest: every test, in parallel, with at least 90 % of the package's lines covered.
  --slow        include the tests that are marked slow
  -h, --help    this text
Example: ./run_tests.sh tests/tasks/test_tasks.py -k split
The tests of the report in a browser need Chromium, and libatomic for Playwright's Node.js: where they are missing,
apt-get installs them if that takes no password; else those tests are skipped.
Processes: HEADTOHEAD_TEST_PROCESSES (default: the number of cores, at most 4).
TEXT
}

case "${1:-}" in -h | --help)
    usage
    exit 0
    ;;
esac

# shellcheck source=scripts/setup.sh
. "$(dirname "${BASH_SOURCE[0]}")/scripts/setup.sh"
set_up requirements.txt requirements-dev.txt
MAY_FAIL=yes set_up requirements-frameworks.txt ||
    say "PyTorch and JAX could not be installed here: their tests will say 'not installed'."
cd "$ROOT"
case "$# $*" in 0* | *--slow* | *browser*) "$VENV/bin/python" tests/browser_packages.py "$VENV/.tried-browser" ;; esac

cores="$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)"
processes="${HEADTOHEAD_TEST_PROCESSES:-$((cores < 4 ? cores : 4))}"
options=(-n "$processes" --dist loadscope) # what shares a fixture stays together: see tests/conftest.py
case "$# $*" in "0 " | "1 --slow") options+=(-p tests.covered) ;; esac
exec "$VENV/bin/python" -m pytest "${options[@]}" "$@"
