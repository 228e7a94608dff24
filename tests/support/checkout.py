"""The files that belong to the project, and a fresh checkout of them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

MACHINE_PATH = re.compile(r"(?<![\w.~}])/(?:work|tmp|root|opt|home|Users)/[\w.-]")


def git(root: Path, *arguments: str) -> str:
    """Standard output of git in a checkout."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout


def tracked(root: Path) -> list[str]:
    """Names of the files under version control that are there; what commands wrote is not."""
    names = git(root, "ls-files", "-z", "--cached").split("\0")
    return [name for name in names if name and (root / name).is_file()]


def machine_paths(root: Path) -> list[str]:
    """Places in tracked files that name a path of one machine, as ``file:line: text``."""
    found = []
    for name in tracked(root):
        try:
            text = (root / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue  # a binary asset; a file that is being replaced
        found += [
            f"{name}:{number}: {line.strip()[:80]}"
            for number, line in enumerate(text.splitlines(), 1)
            if MACHINE_PATH.search(line)
        ]
    return found


def copy_checkout(root: Path, folder: Path) -> Path:
    """Copy the tracked files, as they are now, into a new repository."""
    for name in tracked(root):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, folder / name)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    return folder


def clone_checkout(checkout: Path, folder: Path) -> Path:
    """Copy a checkout with its repository, which takes a twentieth of the time of adding files."""
    for name, value in (("core.checkStat", "minimal"), ("core.trustctime", "false")):
        git(checkout, "config", name, value)  # a copied file is unchanged by its time and size
    subprocess.run(["cp", "-a", f"{checkout}/.", str(folder)], check=True)
    return folder


def changes(root: Path) -> list[str]:
    """Tracked files that changed, and new ones that are not ignored, as git says it."""
    return [line for line in git(root, "status", "--porcelain").splitlines() if line[:2] != "A "]
