# shellcheck shell=bash
# `set_up FILE...` makes .venv, the project's private Python environment, and installs requirements files, each once.
# The link .venv.lock is to the number of the process that does: if that is gone, it was interrupted: .venv is made anew

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv" LOCK="$ROOT/.venv.lock" LOG="$ROOT/.venv.log" NEEDED_GB="${HEADTOHEAD_DISK_GB:-4}"

say() { printf '%s\n' "$*" >&2; }
die() { say "$(basename "$0"): $*" && exit 3; }
full() { die "the disk is full: about $NEEDED_GB GB are needed in $ROOT$1. Make room there and start again."; }
has_uv() { command -v uv >/dev/null 2>&1; }
logged() { "$@" 2>&1 | tee -a "$LOG" >&2; }

# Prints "3.12", "PyPy 3.12" or "3.12 without its venv module" (uv needs none); returns 1 where that cannot serve.
version_of() {
    "$1" -c 'import importlib.util, platform, sys
name, version = platform.python_implementation(), sys.version_info[:2]
able = importlib.util.find_spec("ensurepip") or sys.argv[1]
print((name + " ") * (name != "CPython") + "%d.%d" % version + " without its venv module" * (not able))
sys.exit(name != "CPython" or not able or not (3, 11) <= version <= (3, 13))
' "$(has_uv && echo uv)" 2>/dev/null </dev/null
}

# Prints the Python that HEADTOHEAD_PYTHON names, or the newest on the PATH. A name there proves nothing (pyenv leaves
# shims that fail), so each is run; but on macOS /usr/bin/python3 may open a window, so not where there is another.
find_python() {
    local candidate version newest="" best="" others="" names=(python3.13 python3.12 python3.11 python3 python)
    [ -z "${HEADTOHEAD_PYTHON:-}" ] || names=("$HEADTOHEAD_PYTHON")
    while IFS= read -r candidate; do
        case "$OSTYPE$candidate$best" in darwin*/usr/bin/python3/*) continue ;; esac
        if ! version="$(version_of "$candidate")"; then
            version="${version:+; ${candidate##*/} is $version}" others="${others//"$version"/}$version"
        elif [[ "$version" > "$newest" ]]; then
            newest="$version" best="$candidate"
        fi
    done < <(type -ap "${names[@]}")
    [ -n "$best" ] || die "Python 3.11, 3.12 or 3.13 is needed (looked for ${names[*]}$others). Install one" \
        "with its venv module ('apt install python3-venv'), or name it: HEADTOHEAD_PYTHON=/path/to/python3.12 $0"
    printf '%s\n' "$best"
}

# What a stamp holds: the contents of the file and of pyproject.toml, and where .venv stands: a moved one is of no use.
fingerprint() { printf '%s %s' "$(cat "$ROOT/$1" "$ROOT/pyproject.toml" | cksum)" "$ROOT"; }
missing() { for file; do [ "$(cat "$VENV/.installed-$file" 2>&1)" = "$(fingerprint "$file")" ] || echo "$file"; done; }

lock() {
    local owner
    until ln -s "$$" "$LOCK" 2>/dev/null; do
        owner="$(readlink "$LOCK")" || die "cannot write to $ROOT. Check its permissions and the free space."
        if kill -0 "$owner" 2>/dev/null; then
            say "Another set-up (process $owner) is running: waiting for it."
            while [ -L "$LOCK" ] && kill -0 "$owner" 2>/dev/null; do sleep 1; done
        else
            say "The last set-up was interrupted: making .venv anew." && rm -rf "$VENV" "$LOCK"
        fi
    done
}

failed() {
    # where nothing was unpacked, what .venv held before is whole, and the next start goes on from there
    grep -q -E '^(Installing collected|Prepared)' "$LOG" || rm -f "$LOCK"
    ! grep -q -i -E 'no space left|errno 28|disk quota' "$LOG" || full ", and room in pip's cache and TMPDIR"
    [ -z "${MAY_FAIL:-}" ] || [ -L "$LOCK" ] || return 1
    die "the installation failed; the lines above say why. Without a network, check the connection and start again."
}

make_venv() {
    local python stamps; stamps="$(cat "$VENV"/.installed-* 2>/dev/null || true)"
    if [[ -z "$stamps" || "$stamps" = *" $ROOT" ]] && version_of "$VENV/bin/python" >/dev/null; then return; fi
    rm -rf "$VENV"
    python="$(find_python)" || { rm -f "$LOCK" && exit 3; }
    say "Making .venv with $python (Python $(version_of "$python"))."
    if has_uv; then set -- uv venv --no-project --seed --python "$python"; else set -- "$python" -m venv; fi
    logged "$@" "$VENV" || failed
}

install() {
    if has_uv && logged uv pip install --python "$VENV/bin/python" "$@"; then return; fi
    logged "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input "$@"
}

set_up() {
    local file files free options=()
    [ -n "$(missing "$@")" ] || [ -L "$LOCK" ] || return 0 # with a lock, .venv may be half changed
    free="$(df -Pk "$ROOT" | awk 'NR == 2 { print int($4 / 1048576) }')"
    [ -d "$VENV" ] || [ "${free:-$NEEDED_GB}" -ge "$NEEDED_GB" ] || full ", and $free GB are free"
    lock && : >"$LOG"
    make_venv
    files="$(missing "$@")" # another process may have installed them meanwhile
    [ -n "$files" ] || { rm -f "$LOCK" && return; }
    for file in $files; do options+=(-r "$ROOT/$file"); done
    say "Installing the packages of ${files//$'\n'/ and }" "into .venv (once; a few minutes)."
    install "${options[@]}" || failed || return 1
    install --no-deps --no-build-isolation -e "$ROOT" || failed # the pinned setuptools builds it
    for file in $files; do fingerprint "$file" >"$VENV/.installed-$file"; done
    rm -f "$LOCK"
}

export PYTHONUTF8=1 PIP_USER=0 UV_FIND_LINKS="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}" # uv does not read pip's settings
unset PYTHONPATH PYTHONHOME # packages of another environment would come first
