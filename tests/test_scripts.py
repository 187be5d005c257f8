"""The set-up scripts: what they say when something is wrong, and what they do when they were interrupted.

Nothing is installed: a fake Python stands in, which writes down how it was called.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import browser_packages
import pytest

ROOT = Path(__file__).resolve().parents[1]
SHELL = shutil.which("bash") or ""
TOOLS = (
    *("bash", "sh", "env", "cat", "cksum", "df", "awk", "mkdir", "rm", "cp", "tee", "sed", "grep", "tail"),
    *("dirname", "basename", "sleep", "getconf", "ln", "readlink"),
)

pytestmark = pytest.mark.skipif(not SHELL, reason="bash is not installed")

FAKE_PYTHON = r"""#!SHELL
# answers the version question, makes a "virtual environment" that holds itself, and logs every other call
case "$*" in
"-c import"*)
    version="${FAKE_VERSION:-3.12}${FAKE_NO_VENV:+ without its venv module}"
    echo "$version"
    case "$version" in 3.11 | 3.12 | 3.13) ;; *) exit 1 ;; esac
    ;;
"-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*)
    echo "$*" >>"$CALLS"
    case "$*" in
    *-m\ pip*)
        if [ -n "${FAKE_PIP_SAYS:-}" ]; then echo "$FAKE_PIP_SAYS"; exit 1; fi
        case "${FAKE_NO_TORCH:-}$*" in yes*frameworks*) echo "ERROR: No matching distribution"; exit 1 ;; esac
        if [ -n "${FAKE_PIP_DIES:-}" ]; then kill -9 $PPID; fi
        ;;
    esac
    ;;
esac
"""


class Checkout:
    """A copy of the scripts, in a folder with a space in its name, and a PATH of its own."""

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "a check out"
        self.path = tmp_path / "the bin"
        self.calls = tmp_path / "calls"
        (self.root / "scripts").mkdir(parents=True)
        self.path.mkdir()
        for name in ("run_all.sh", "run_tests.sh", "scripts/setup.sh"):
            shutil.copy(ROOT / name, self.root / name)
        for name in ("requirements.txt", "requirements-dev.txt", "requirements-frameworks.txt", "pyproject.toml"):
            (self.root / name).write_text("something==1.0\n")
        for name in TOOLS:
            if found := shutil.which(name):
                (self.path / name).symlink_to(found)
        self.calls.write_text("")

    def tool(self, name: str, script: str) -> None:
        """Put an executable `name` on the PATH, instead of the one that is there."""
        (self.path / name).unlink(missing_ok=True)
        (self.path / name).write_text(script.replace("SHELL", SHELL, 1))
        (self.path / name).chmod(0o755)

    def start(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Start the script from another folder than its own."""
        return subprocess.run(
            [SHELL, str(self.root / script), *arguments],
            cwd=self.path,
            env={"PATH": str(self.path), "CALLS": str(self.calls), "HOME": str(self.path), **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def lock(self) -> Path:
        """The link to the number of the process that installs."""
        return self.root / ".venv.lock"

    @property
    def log(self) -> list[str]:
        return self.calls.read_text().splitlines()

    @property
    def installs(self) -> int:
        return sum("-m pip" in line for line in self.log)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    made.tool("python3.12", FAKE_PYTHON)
    return made


def test_first_start_installs_and_the_second_only_runs(checkout: Checkout) -> None:
    first = checkout.start("run_all.sh", "--preset", "quick", "--out", "my results")
    assert first.returncode == 0, first.stderr
    assert [line.split()[:3] for line in checkout.log[:2]] == [["-m", "pip", "install"]] * 2
    assert "--no-deps --no-build-isolation -e" in checkout.log[1]
    assert checkout.log[-1] == "-P -m experiments run --preset quick --out my results"
    assert checkout.installs == 2
    assert checkout.start("run_all.sh").returncode == 0
    assert checkout.installs == 2
    assert not checkout.lock.is_symlink()


@pytest.mark.parametrize(
    ("arguments", "preset"),
    [([], "standard"), (["--preset", "quick"], "quick"), (["--seeds", "3", "--preset=full"], "full")],
)
def test_results_are_found_beside_the_script(checkout: Checkout, arguments: list[str], preset: str) -> None:
    checkout.start("run_all.sh", *arguments)
    expected = ["-P -m experiments run", *arguments, f"--out {checkout.root}/results/{preset}"]
    assert checkout.log[-1] == " ".join(expected)


@pytest.mark.parametrize("changed", ["requirements.txt", "pyproject.toml"])
def test_changed_requirements_are_installed_again(checkout: Checkout, changed: str) -> None:
    checkout.start("run_all.sh")
    (checkout.root / changed).write_text("something==2.0\n")
    checkout.start("run_all.sh")
    assert checkout.installs == 4


def test_frameworks_is_an_option_of_the_script_alone(checkout: Checkout) -> None:
    checkout.start("run_all.sh", "--frameworks", "--seeds", "3")
    assert any("requirements-frameworks.txt" in line for line in checkout.log)
    assert checkout.log[-1].startswith("-P -m experiments run --seeds 3")
    assert "--frameworks" not in checkout.log[-1]


def test_tests_run_whole_with_coverage_and_in_part_without(checkout: Checkout) -> None:
    assert checkout.start("run_tests.sh", "--slow").returncode == 0
    assert checkout.log[-1].startswith("-m pytest ")
    assert "-p tests.covered" in checkout.log[-1]
    checkout.start("run_tests.sh", "tests/test_scripts.py", "-x")
    assert "tests.covered" not in checkout.log[-1]
    assert checkout.log[-1].endswith("tests/test_scripts.py -x")


def test_tests_run_where_torch_cannot_be_had(checkout: Checkout) -> None:
    done = checkout.start("run_tests.sh", FAKE_NO_TORCH="yes")
    assert done.returncode == 0, done.stderr
    assert "could not be installed here" in done.stderr
    assert "-m pytest" in checkout.log[-1]
    assert not checkout.lock.is_symlink()


@pytest.mark.parametrize("script", ["run_all.sh", "run_tests.sh"])
def test_help_needs_nothing(checkout: Checkout, script: str) -> None:
    done = checkout.start(script, "--help")
    assert done.returncode == 0
    assert f"./{script}" in done.stdout
    assert not checkout.log


@pytest.mark.parametrize("script", ["run_all.sh", "run_tests.sh"])
def test_help_names_files_that_exist(checkout: Checkout, script: str) -> None:
    named = re.findall(r"[\w./-]+\.(?:py|sh)\b", checkout.start(script, "--help").stdout)
    assert f"./{script}" in named
    assert not [name for name in named if not (ROOT / name).is_file()]


def test_no_python(checkout: Checkout) -> None:
    (checkout.path / "python3.12").unlink()
    done = checkout.start("run_all.sh")
    assert done.returncode == 3
    assert "Python 3.11, 3.12 or 3.13 is needed (looked for python3.13 python3.12 " in done.stderr
    assert not (checkout.root / ".venv").exists()


def test_old_python_and_a_shim_that_fails(checkout: Checkout) -> None:
    (checkout.path / "python3.12").unlink()
    checkout.tool("python3.13", "#!SHELL\necho 'pyenv: python3.13: command not found' >&2; exit 127\n")
    checkout.tool("python3", FAKE_PYTHON)
    (checkout.path / "again").symlink_to(checkout.path)  # /bin and /usr/bin are one
    both = f"{checkout.path}:{checkout.path}/again"
    done = checkout.start("run_all.sh", FAKE_VERSION="3.9", PATH=both)
    assert done.returncode == 3
    assert "is needed (looked for python3.13 python3.12 python3.11 python3 python; python3 is 3.9)" in done.stderr


def test_failing_shim_is_passed_over(checkout: Checkout) -> None:
    checkout.tool("python3.13", "#!SHELL\nexit 127\n")
    assert checkout.start("run_all.sh").returncode == 0


def test_the_newest_python_makes_the_environment_unless_one_is_named(checkout: Checkout) -> None:
    checkout.tool("python3.11", FAKE_PYTHON.replace("3.12}", "3.11}"))
    checkout.tool("python3", FAKE_PYTHON.replace("3.12}", "3.13}"))
    assert f"Making .venv with {checkout.path}/python3 (Python 3.13)" in checkout.start("run_all.sh").stderr
    shutil.rmtree(checkout.root / ".venv")
    done = checkout.start("run_all.sh", HEADTOHEAD_PYTHON="python3.11")
    assert f"Making .venv with {checkout.path}/python3.11 (Python 3.11)" in done.stderr


def test_other_implementations_and_what_reads_from_the_terminal_are_passed_over(checkout: Checkout) -> None:
    checkout.tool("python3.13", "#!SHELL\nwhile read -r line; do :; done; exit 127\n")
    checkout.tool("python3.11", FAKE_PYTHON.replace("${FAKE_VERSION:-3.12}", "PyPy 3.11"))
    assert f"Making .venv with {checkout.path}/python3.12" in checkout.start("run_all.sh").stderr


@pytest.mark.parametrize(
    ("named", "version", "said"), [("nonsense", "3.12", ""), ("python3.12", "3.9", "; python3.12 is 3.9")]
)
def test_a_named_python_that_cannot_serve_is_no_other(checkout: Checkout, named: str, version: str, said: str) -> None:
    done = checkout.start("run_all.sh", HEADTOHEAD_PYTHON=named, FAKE_VERSION=version)
    assert done.returncode == 3
    assert done.stderr.startswith(f"run_all.sh: Python 3.11, 3.12 or 3.13 is needed (looked for {named}{said})")
    assert len(done.stderr.splitlines()) == 1
    assert not (checkout.root / ".venv").exists()
    assert not checkout.lock.is_symlink()


def test_python_without_venv(checkout: Checkout) -> None:
    done = checkout.start("run_all.sh", FAKE_NO_VENV="yes")
    assert done.returncode == 3
    assert "python3.12 is 3.12 without its venv module" in done.stderr
    assert "apt install python3-venv" in done.stderr
    assert checkout.start("run_all.sh").returncode == 0


def test_full_disk_is_seen_beforehand(checkout: Checkout) -> None:
    checkout.tool("df", "#!SHELL\necho Filesystem\necho /dev/x 100 100 1048576 99% /\n")
    done = checkout.start("run_all.sh")
    assert done.returncode == 3
    assert "the disk is full: about 4 GB are needed" in done.stderr
    assert "1 GB are free" in done.stderr
    assert not checkout.log


def test_disk_that_fills_up_while_installing(checkout: Checkout) -> None:
    said = "Installing collected packages: x\nERROR: [Errno 28] No space left on device"
    done = checkout.start("run_all.sh", FAKE_PIP_SAYS=said)
    assert done.returncode == 3
    assert "the disk is full" in done.stderr
    assert not any("-m experiments" in line for line in checkout.log)
    again = checkout.start("run_all.sh")
    assert again.returncode == 0
    assert "making .venv anew" in again.stderr


def test_no_network_keeps_what_is_there(checkout: Checkout) -> None:
    checkout.start("run_all.sh")
    kept = checkout.root / ".venv" / "kept"
    kept.touch()
    (checkout.root / "requirements.txt").write_text("something==2.0\n")
    done = checkout.start("run_all.sh", FAKE_PIP_SAYS="ERROR: Temporary failure in name resolution")
    assert done.returncode == 3
    assert "Temporary failure in name resolution" in done.stderr
    assert "check the connection" in done.stderr
    assert checkout.start("run_all.sh").returncode == 0
    assert kept.exists()


def test_interrupted_setup_is_recovered_from(checkout: Checkout) -> None:
    checkout.start("run_all.sh", FAKE_PIP_DIES="yes")
    (checkout.root / ".venv" / "half").touch()
    assert checkout.lock.is_symlink()
    done = checkout.start("run_all.sh")
    assert done.returncode == 0, done.stderr
    assert "interrupted" in done.stderr
    assert not (checkout.root / ".venv" / "half").exists()


def test_setup_that_was_interrupted_in_its_second_part_is_made_anew_as_a_whole(checkout: Checkout) -> None:
    checkout.start("run_tests.sh")
    first = checkout.installs
    (checkout.root / ".venv" / ".installed-requirements-frameworks.txt").unlink()
    checkout.lock.symlink_to("999999999")
    done = checkout.start("run_tests.sh")
    assert done.returncode == 0, done.stderr
    assert "interrupted" in done.stderr
    assert checkout.installs == 2 * first
    assert "requirements-dev.txt" in next(line for line in checkout.log[first + 1 :] if "-m pip" in line)


def test_two_at_once_install_once(checkout: Checkout) -> None:
    owner = subprocess.Popen([SHELL, "-c", "sleep 2"])
    checkout.lock.symlink_to(str(owner.pid))
    release = subprocess.Popen([SHELL, "-c", f"sleep 1; rm '{checkout.lock}'"])
    done = checkout.start("run_all.sh")
    owner.wait()
    release.wait()
    assert done.returncode == 0
    assert f"process {owner.pid}) is running: waiting" in done.stderr


def test_moved_checkout_makes_its_environment_anew(checkout: Checkout) -> None:
    checkout.start("run_all.sh")
    moved = checkout.root.with_name("moved")
    checkout.root.rename(moved)
    checkout.root = moved
    (moved / ".venv" / "old").touch()
    assert checkout.start("run_all.sh").returncode == 0
    assert not (moved / ".venv" / "old").exists()


def test_folder_that_cannot_be_written(checkout: Checkout) -> None:
    checkout.tool("ln", "#!SHELL\nexit 1\n")  # and no chmod: root may write everywhere
    done = checkout.start("run_all.sh")
    assert done.returncode == 3
    assert "cannot write to" in done.stderr


def test_uv_is_used_when_present_and_pip_when_it_fails(checkout: Checkout) -> None:
    checkout.tool(
        "uv",
        '#!SHELL\necho "uv $*" >>"$CALLS"\n'
        'case "$1" in\nvenv) for last; do :; done\n'
        'mkdir -p "$last/bin"; cp "$(command -v python3.12)" "$last/bin/python" ;;\n'
        'pip) [ -z "${FAKE_UV_FAILS:-}" ] ;; esac\n',
    )
    assert checkout.start("run_all.sh").returncode == 0
    assert checkout.log[0].startswith("uv venv")
    assert checkout.installs == 0
    (checkout.root / "requirements.txt").write_text("something==2.0\n")
    done = checkout.start("run_all.sh", FAKE_UV_FAILS="yes")
    assert done.returncode == 0
    assert checkout.installs == 2


def test_scripts_are_executable_and_parse() -> None:
    for name in ("run_all.sh", "run_tests.sh", ".ci/run"):
        assert os.access(ROOT / name, os.X_OK), f"{name} is not executable"
        subprocess.run([SHELL, "-n", str(ROOT / name)], check=True)


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_finds_nothing() -> None:
    scripts = ["run_all.sh", "run_tests.sh", "scripts/setup.sh", ".ci/run"]
    done = subprocess.run(["shellcheck", "-x", *scripts], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_setting_up_takes_no_more_than_a_hundred_lines_of_shell() -> None:
    assert len((ROOT / "scripts" / "setup.sh").read_text().splitlines()) <= 100
    assert [path.name for path in (ROOT / "scripts").iterdir()] == ["setup.sh"]


def test_ci_fails_when_any_part_fails(tmp_path: Path) -> None:
    """Lint, types and tests all run, and one red part makes the whole red."""
    for broken in ("ruff", "mypy", "tests", ""):
        root = tmp_path / (broken or "sound")
        (root / ".ci").mkdir(parents=True)
        (root / ".venv" / "bin").mkdir(parents=True)
        shutil.copy(ROOT / ".ci" / "run", root / ".ci" / "run")
        for name, path in (("ruff", ".venv/bin/ruff"), ("mypy", ".venv/bin/mypy"), ("tests", "run_tests.sh")):
            code = 1 if name == broken else 0
            (root / path).write_text(f'#!{SHELL}\n[ "${{1:-}}" = --version ] && exit 0\necho {name} ran\nexit {code}\n')
            (root / path).chmod(0o755)
        done = subprocess.run([SHELL, str(root / ".ci" / "run")], capture_output=True, text=True, cwd=tmp_path)
        assert done.stdout.split("\n")[:3] == ["ruff ran", "mypy ran", "tests ran"]
        assert (done.returncode != 0) == bool(broken)


def test_python_of_the_tests_is_a_supported_one() -> None:
    assert (3, 11) <= sys.version_info[:2] <= (3, 13)


# the browser that the report is tested in -----------------------------------------------------------------------------

APT_GET = '#!SHELL\necho "apt-get $*" >>"$CALLS"\n'
# each package that it is asked for becomes a program of that name
BRINGS_PACKAGES = f'{APT_GET}case "$1" in install) shift 3; for name; do cp "$0" "${{0%/*}}/$name"; done ;; esac\n'


@pytest.fixture
def system(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A system of which this process sees the programs of the checkout's PATH alone; Playwright starts on it."""
    monkeypatch.setenv("PATH", str(checkout.path))
    monkeypatch.setenv("CALLS", str(checkout.calls))
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(browser_packages, "driver_starts", lambda: True)
    return checkout


@pytest.mark.parametrize(
    ("lacks", "chromium", "libatomic"),
    [("chromium", "", True), ("chromium libatomic1", "", False), ("libatomic1", "/a/chromium", False)],
)
def test_what_the_browser_tests_lack_is_installed_where_it_may_be(
    system: Checkout, lacks: str, chromium: str, libatomic: bool, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    system.tool("apt-get", BRINGS_PACKAGES)
    monkeypatch.setenv("CHROMIUM", chromium)
    monkeypatch.setattr(
        browser_packages, "driver_starts", lambda: libatomic or (system.path / "libatomic1").exists()
    )
    for _ in range(2):
        browser_packages.main(system.root / "tried")
    assert system.log == ["apt-get update", f"apt-get install --yes --no-install-recommends {lacks}"]
    assert "skipped" not in capsys.readouterr().err


@pytest.mark.parametrize(("libatomic", "lacks"), [(True, "chromium"), (False, "chromium libatomic1")])
def test_what_cannot_be_installed_is_said_and_not_tried_again(
    system: Checkout, libatomic: bool, lacks: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    system.tool("apt-get", f"{APT_GET}exit 100\n")
    monkeypatch.setattr(browser_packages, "driver_starts", lambda: libatomic)
    for _ in range(2):
        browser_packages.main(system.root / "tried")
        (line,) = [line for line in capsys.readouterr().err.splitlines() if "skipped" in line]
        assert f"could not be installed: {lacks} (" in line
        assert "the tests of the report in a browser are skipped" in line
    assert len(system.log) == 2


def test_nobody_is_asked_for_a_password(system: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    system.tool("apt-get", APT_GET)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    browser_packages.main(system.root / "tried")  # there is no sudo
    system.tool("sudo", '#!SHELL\n[ "$1" = -n ] && exit 1\nread -r _\n')
    browser_packages.main(system.root / "tried")
    assert capsys.readouterr().err.count("the tests of the report in a browser are skipped") == 2
    assert not system.log


def test_whether_the_driver_starts_is_asked_of_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("playwright", reason="playwright is not installed")
    monkeypatch.setenv("PLAYWRIGHT_NODEJS_PATH", str(tmp_path / "nothing"))
    assert not browser_packages.driver_starts()


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [([], True), (["--slow"], True), (["tests/report/test_report_browser.py"], True),
     (["tests/tasks/test_tasks.py"], False), (["--version"], False)],
)  # fmt: skip
def test_only_tests_that_need_a_browser_look_for_one(checkout: Checkout, arguments: list[str], asked: bool) -> None:
    checkout.start("run_tests.sh", *arguments)
    looks = [line for line in checkout.log if "browser_packages" in line]
    assert looks == [f"tests/browser_packages.py {checkout.root}/.venv/.tried-browser"] * asked


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("PLAYWRIGHT_NODEJS_PATH", "what Playwright's driver needs is not installed: error while loading"),
        ("CHROMIUM", "not installed: "),  # the driver itself may be what is missing here
    ],
)
def test_a_browser_that_cannot_start_is_skipped_with_the_reason(tmp_path: Path, broken: str, reason: str) -> None:
    pytest.importorskip("playwright", reason="playwright is not installed")
    said = "error while loading shared libraries: libatomic.so.1: cannot open shared object file"
    program = tmp_path / "program"
    program.write_text(f"#!{SHELL}\necho '{said}' >&2; exit 127\n")
    program.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", "-k", "keyboard or without_scripts",
         "tests/report/test_report_browser.py"],
        cwd=ROOT, env={**os.environ, "CHROMIUM": str(program), broken: str(program)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert re.search(r"=+ \d+ skipped, \d+ deselected in", done.stdout), done.stdout  # and nothing passed or failed
    assert reason in done.stdout
