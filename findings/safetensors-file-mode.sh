#!/usr/bin/env bash
# Mode of a file that safetensors writes, and what becomes of a file or link that is there.
#
# Version:   safetensors 0.8.0, numpy 2.3.5, on Linux.
# Guess:     as with open() and numpy.save: the umask decides (0644 under 022), a file that is there
#            keeps its mode, and a link is followed.
# Behaviour: the file is written beside with mode 0600 and renamed. So others cannot read it whatever
#            the umask says, a file of mode 0664 becomes 0600, and a link is replaced by a file: its
#            target stays as it was.
# Seen:      new: numpy 0644, safetensors 0600
#            over 0664: numpy 0664, safetensors 0600
#            through a link: numpy writes the target, safetensors replaces the link
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q --disable-pip-version-check install safetensors==0.8.0 numpy==2.3.5
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import os
import sys

import numpy as np
from safetensors.numpy import save_file

os.chdir(sys.argv[1])
os.umask(0o022)
WRITERS = {
    "numpy": lambda name, array: np.save(open(name, "wb"), array),
    "safetensors": lambda name, array: save_file({"a": array}, name),
}


def mode(name):
    return f"{os.lstat(name).st_mode & 0o777:04o}"


new, over, through = {}, {}, {}
for writer, write in WRITERS.items():
    name = f"{writer}.file"
    write(name, np.zeros(2))
    new[writer] = mode(name)
    os.chmod(name, 0o664)
    write(name, np.zeros(3))
    over[writer] = mode(name)
    link, size = f"{writer}.link", os.path.getsize(name)
    os.symlink(name, link)
    write(link, np.zeros(1000))
    wrote = os.path.islink(link) and os.path.getsize(name) > size
    through[writer] = "writes the target" if wrote else "replaces the link"
    if not wrote and (os.path.islink(link) or os.path.getsize(name) != size):
        sys.exit(f"{writer}: neither")


def line(facts):
    return ", ".join(f"{writer} {fact}" for writer, fact in facts.items())


found = f"new: {line(new)}\nover 0664: {line(over)}\nthrough a link: {line(through)}"
print(found)
wanted = """\
new: numpy 0644, safetensors 0600
over 0664: numpy 0664, safetensors 0600
through a link: numpy writes the target, safetensors replaces the link"""
sys.exit(found != wanted)
PYTHON
