# Sourced by run_all.sh and run_tests.sh: makes .venv, the project's private Python environment.
#
#   set_up FILE...     installs the named requirements files (each once: a stamp in .venv says what is there)
#   try_to_set_up FILE  the same, but returns 1 when the packages cannot be had on this machine
#
# A lock folder, .venv.setup, exists only while packages are being installed. One that is left over from
# a process that is gone means that the installation was interrupted: .venv is then made anew.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"
LOCK="$ROOT/.venv.setup"
NEEDED_GB="${HEADTOHEAD_DISK_GB:-4}"

say() { printf '%s\n' "$*" >&2; }
die() {
    say "$(basename "$0"): $*"
    exit 3
}

# "3.12", or "PyPy 3.12" where it is another implementation, for which there is no TensorFlow
version_of() {
    "$1" -c 'import sys, platform
name = platform.python_implementation()
print((name + " ") * (name != "CPython") + "%d.%d" % sys.version_info[:2])' 2>/dev/null </dev/null
}

supported() { case "$1" in 3.11 | 3.12 | 3.13) return 0 ;; *) return 1 ;; esac; }

# Prints a Python 3.11-3.13: the one that HEADTOHEAD_PYTHON names, or the newest on the PATH unless another is clearly
# faster. A name on the PATH proves nothing (pyenv leaves shims that fail), so each is run.
find_python() {
    local candidate version found="" usable=()
    if [ -n "${HEADTOHEAD_PYTHON:-}" ]; then
        version="$(version_of "$HEADTOHEAD_PYTHON")" || version="no Python that runs"
        supported "$version" || die "HEADTOHEAD_PYTHON is $HEADTOHEAD_PYTHON, which is $version." \
            "It must name a Python 3.11, 3.12 or 3.13; without it one is looked for on the PATH."
        command -v "$HEADTOHEAD_PYTHON"
        return
    fi
    while IFS= read -r candidate; do
        case "$OSTYPE$candidate" in darwin*/usr/bin/python3) # a stub, which may open a window
            [ "${#usable[@]}" -eq 0 ] || continue
            ;;
        esac
        version="$(version_of "$candidate")" || continue
        if supported "$version"; then
            usable+=("$candidate")
        else
            candidate="${candidate##*/} is $version"
            case "$found" in *"$candidate"*) ;; *) found="$found${found:+, }$candidate" ;; esac
        fi
    done < <(type -ap python3.13 python3.12 python3.11 python3 python)
    if [ "${#usable[@]}" -gt 1 ]; then
        say "Several Pythons are on the PATH: seeing which is the fastest (a few seconds)."
        "${usable[0]}" -I "$ROOT/scripts/fastest.py" "${usable[@]}" && return
    fi
    if [ "${#usable[@]}" -gt 0 ]; then
        printf '%s\n' "${usable[0]}"
        return
    fi
    if candidate="$(UV_PYTHON_DOWNLOADS=never uv python find --no-project '>=3.11,<3.14' 2>/dev/null)"; then
        printf '%s\n' "$candidate"
        return
    fi
    [ -n "$found" ] || found="there is no Python on the PATH"
    die "Python 3.11, 3.12 or 3.13 is needed, but $found. Install one (with its venv module, for example" \
        "'apt install python3.12 python3.12-venv'), or name one: HEADTOHEAD_PYTHON=/path/to/python3.12 $0"
}

# What a stamp holds: the file's content, and where .venv stands, because a moved one has wrong paths inside.
fingerprint() { printf '%s %s' "$(cksum <"$ROOT/$1")" "$ROOT"; }

installed() { [ "$(cat "$VENV/.installed-$1" 2>/dev/null)" = "$(fingerprint "$1")" ]; }

check_disk() {
    local free
    free="$(df -Pk "$ROOT" | awk 'NR == 2 { print int($4 / 1048576) }')"
    [ -z "$free" ] || [ "$free" -ge "$NEEDED_GB" ] ||
        die "the disk is full: about $NEEDED_GB GB are needed in $ROOT and $free GB are free." \
            "Make room there and start again."
}

lock() {
    local owner said=""
    until mkdir "$LOCK" 2>/dev/null; do
        [ -d "$LOCK" ] || die "cannot write to $ROOT. Check its permissions and the free space."
        owner="$(cat "$LOCK/pid" 2>/dev/null)" || owner=""
        # a lock without an owner is a moment old, or was left there by a crash
        [ -n "$owner" ] || { sleep 1; owner="$(cat "$LOCK/pid" 2>/dev/null)" || owner=""; }
        if [ -z "$owner" ] || ! kill -0 "$owner" 2>/dev/null; then
            say "The last set-up was interrupted: making .venv anew."
            rm -rf "$VENV" "$LOCK"
            continue
        fi
        [ -n "$said" ] || say "Another set-up (process $owner) is running: waiting for it."
        said=yes
        sleep 1
    done
    echo $$ >"$LOCK/pid" || die "the disk is full: cannot write to $ROOT. Make room there and start again."
}

# Runs an installer; its output goes to the log, and what tells the progress to the terminal too.
logged() {
    local steps='^ *(Collecting|Downloading|Installing|Resolved|Prepared|Installed|Building)'
    "$@" 2>&1 | tee -a "$LOCK/log" | { grep --line-buffered -E "$steps" >&2 || true; }
    return "${PIPESTATUS[0]}"
}

disk_was_full() { grep -q -i -E 'no space left on device|errno 28|disk quota exceeded' "$LOCK/log"; }

failed() {
    local message
    if disk_was_full; then
        message="the disk is full: about $NEEDED_GB GB are needed in $ROOT (pip's cache and TMPDIR need room as well).
Make room there and start again."
    elif grep -q -i -E 'ensurepip|python3?[.0-9]*-venv' "$LOCK/log"; then
        message="$1 cannot make virtual environments. Install its venv module, for example
'apt install python$(version_of "$1")-venv', and start again."
    else
        tail -n 15 "$LOCK/log" >&2
        message="the installation failed; the lines above say why. Nothing can be installed without a network:
check the connection (or PIP_INDEX_URL) and start again."
    fi
    # nothing was unpacked yet: what .venv held before is whole, and the next start goes on from there
    grep -q -E '^(Installing collected|Prepared)' "$LOCK/log" || rm -rf "$LOCK"
    die "$message"
}

make_venv() {
    local python
    if [ -x "$VENV/bin/python" ]; then
        # a folder that was moved or copied keeps paths to its old place
        if supported "$(version_of "$VENV/bin/python")" && ! moved; then return; fi
        say "Making .venv anew: the one that is there belongs to another place or another Python."
    fi
    rm -rf "$VENV"
    python="$(find_python)" || { rm -rf "$LOCK"; exit 3; }
    say "Making .venv with $python (Python $(version_of "$python"))."
    if command -v uv >/dev/null 2>&1; then
        UV_PYTHON_DOWNLOADS=never logged uv venv --no-project --seed --python "$python" "$VENV" && return
    else
        logged "$python" -m venv "$VENV" && return
    fi
    rm -rf "$VENV"
    failed "$python"
}

moved() {
    local stamp
    for stamp in "$VENV"/.installed-*; do
        [ -e "$stamp" ] || return 1
        case "$(cat "$stamp")" in *" $ROOT") ;; *) return 0 ;; esac
    done
    return 1
}

install() {
    if command -v uv >/dev/null 2>&1; then
        # uv does not read pip's settings: hand over where pip was told to look
        UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}" UV_LINK_MODE="${UV_LINK_MODE:-copy}" \
            logged uv pip install --python "$VENV/bin/python" "$@" && return
        disk_was_full && return 1
        say "uv could not install them: trying pip."
    fi
    logged "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input "$@"
}

missing() {
    local file
    for file in "$@"; do installed "$file" || printf '%s\n' "$file"; done
}

set_up() {
    local file files options=()
    files="$(missing "$@")"
    # a lock means that .venv is being changed, or was left half changed: what it holds cannot be told by its stamps
    [ -n "$files" ] || [ -d "$LOCK" ] || return 0
    [ -f "$VENV/.installed-requirements.txt" ] || check_disk
    lock
    make_venv
    files="$(missing "$@")" # another process may have installed them while this one waited
    for file in $files; do options+=(-r "$ROOT/$file"); done
    if [ -n "$files" ]; then
        say "Installing the packages of" $files "into .venv (once; a few minutes)."
        install "${options[@]}" || { [ "${MAY_FAIL:-}" = yes ] && give_up; } || failed "$VENV/bin/python"
    fi
    if [ -n "$files" ] && [ "${GAVE_UP:-}" != yes ]; then
        # without isolation: the pinned setuptools builds it, and nothing else is fetched
        install --no-deps --no-build-isolation -e "$ROOT" || failed "$VENV/bin/python"
        for file in $files; do
            fingerprint "$file" >"$VENV/.installed-$file" || die "the disk is full: cannot write to $VENV."
        done
    fi
    rm -rf "$LOCK"
}

give_up() {
    disk_was_full && return 1
    GAVE_UP=yes
}

try_to_set_up() {
    local GAVE_UP="" MAY_FAIL=yes
    set_up "$1"
    [ -z "$GAVE_UP" ]
}

has_chromium() { [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null; }

# Playwright brings its own Node.js, which does not start on a system without libatomic.
playwright_starts() { "$VENV/bin/python" -m playwright --version >/dev/null 2>&1 </dev/null; }

# What the tests of the report in a browser lack here, as Debian calls it: a line each, nothing where all is there.
missing_for_browser() {
    has_chromium || echo chromium
    playwright_starts || echo libatomic1
}

# Installs it with apt-get; returns 1 where it cannot or may not.
# It tries once: .venv/.tried-browser says that it did.
try_to_install_browser() {
    local packages sudo="" stamp="$VENV/.tried-browser"
    packages="$(missing_for_browser)"
    [ -n "$packages" ] || return 0
    if ! command -v apt-get >/dev/null || [ -e "$stamp" ]; then return 1; fi
    if [ "$(id -u)" -ne 0 ]; then
        sudo="sudo -n"
        $sudo true 2>/dev/null || return 1
    fi
    : >"$stamp"
    say "Installing" $packages "with apt-get, for the tests of the report in a browser (once)."
    { $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $packages; } >/dev/null 2>&1 </dev/null
    [ -z "$(missing_for_browser)" ]
}

export TF_CPP_MIN_LOG_LEVEL="${TF_CPP_MIN_LOG_LEVEL:-3}" GRPC_VERBOSITY="${GRPC_VERBOSITY:-ERROR}"
export PYTHONUTF8=1 PIP_USER=0
unset PYTHONPATH PYTHONHOME # packages of another environment would come first
