"""What the tests of the report in a browser need of the system, installed with apt-get where that takes no password.

`python tests/browser_packages.py STAMP` tries once: the file STAMP says that it did. What is missing in the end is told
in one line on the standard error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def missing() -> list[str]:
    """What is lacking, as Debian calls it: a Chromium, and what Playwright's own Node.js does not start without."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    return [*([] if chromium else ["chromium"]), *([] if driver_starts() else ["libatomic1"])]


def driver_starts() -> bool:
    """Whether Playwright's driver runs on this system."""
    return not subprocess.run([sys.executable, "-m", "playwright", "--version"], **QUIET).returncode


def install(packages: Sequence[str], stamp: Path) -> None:
    """Try to install the packages, once; nobody is asked for a password."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if stamp.exists() or not shutil.which("apt-get") or (sudo and not shutil.which("sudo")):
        return
    if sudo and subprocess.run([*sudo, "true"], **QUIET).returncode:
        return
    stamp.touch()
    print(f"Installing {' '.join(packages)} with apt-get, for the tests of the report in a browser.", file=sys.stderr)
    apt_get = [*sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    for verb in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        subprocess.run([*apt_get, *verb], **QUIET)


def main(stamp: Path) -> None:
    """Install what is missing, and say what is missing still."""
    if lacking := missing():
        install(lacking, stamp)
        lacking = missing()
    if lacking:
        print(
            f"Missing here and could not be installed: {' '.join(lacking)} (CHROMIUM=/path names a Chromium): "
            "the tests of the report in a browser are skipped.",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
