"""``jasco-doctor``: check of packages, devices, weights and programs, with a remedy for each gap.

Each section is a function that yields findings; `SECTIONS` lists them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from jasco.cli.errors import one_line_errors
from jasco.errors import MissingPartError
from jasco.io.assets import package_dir
from jasco.notices import describe

# Purpose of each optional group of packages: the groups of pyproject.toml that users install.
EXTRAS = {
    "chords": "extraction of chords",
    "drums": "separation of drums",
    "melody": "extraction of melodies",
    "eval": "evaluation",
    "train": "training",
    "data": "preparation of data on many machines",
    "wandb": "training logs on Weights & Biases",
    "plot": "figures",
    "stretch": "drum loops at another tempo",
    "c2pa": "signed manifests of generated files",
    "ui": "the studio, a page for the browser",
    "serve": "the HTTP service",
    "ray": "the HTTP service on Ray Serve",
    "mcp": "tools for agents",
}


@dataclass(frozen=True)
class Finding:
    """One row of the report.

    Attributes:
        part: package, program or file.
        state: ``ok``, ``missing`` (optional and absent) or ``broken``.
        detail: version, path or problem.
        remedy: command or step that solves the problem.
    """

    part: str
    state: Literal["ok", "missing", "broken"]
    detail: str
    remedy: str = ""


def machine() -> Iterator[Finding]:
    """Python, device, threads and precision."""
    import torch

    from jasco.cli.threads import WAIT_POLICY, default_threads
    from jasco.device import resolve_device, resolve_dtype
    from jasco.workers import usable_cores

    device = resolve_device()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    dtype = str(resolve_dtype("auto", device)).removeprefix("torch.")
    yield Finding("python", "ok", platform.python_version())
    yield Finding("device", "ok", f"{device} ({name})")
    cores, threads = usable_cores(), default_threads()
    waiting = "asleep" if os.environ.get(WAIT_POLICY, "").upper() == "PASSIVE" else "awake"
    yield Finding(
        "threads",
        "ok",
        f"{threads} on {cores} usable cores, waiting {waiting} (--threads, OMP_NUM_THREADS)",
    )
    yield Finding("precision", "ok", f"{dtype}, the meaning of 'auto' on this device")


def core() -> Iterator[Finding]:
    """Package and requirements of generation."""
    yield Finding("jasco", "ok", version("jasco"))
    for requirement in _requirements():
        remedy = f"pip install '{requirement.name}{requirement.specifier}'"
        yield _package(requirement, remedy)
    for name in ("conf", "assets"):
        yield Finding(name, "ok", str(package_dir(name)))
    from jasco import Jasco  # fails if a required package cannot be loaded

    yield Finding("model", "ok", f"{Jasco.__module__} loads")


def extras() -> Iterator[Finding]:
    """Optional packages, with the command that installs each."""
    named: set[str] = set()  # a package of two extras has one row, in the first
    for extra, purpose in EXTRAS.items():
        for requirement in _requirements(extra):
            if requirement.name not in named:
                named.add(requirement.name)
                yield _package(requirement, f"pip install 'jasco[{extra}]'", purpose)


def parts() -> Iterator[Finding]:
    """Weights and plugins that are not Python packages."""
    demo = package_dir("assets") / "demo"
    here = demo if (demo / "model.safetensors").is_file() else None
    remedy = "pip install --force-reinstall jasco"
    yield _found("demo", here, "the model that comes with Jasco is not here", remedy)
    yield _chordino()
    yield _salience()
    yield _demucs()
    yield _soundfont()


def _found(part: str, place: object | None, detail: str, remedy: str) -> Finding:
    """Finding of a part at its place; ``None`` for one that is missing."""
    return (
        Finding(part, "missing", detail, remedy) if not place else Finding(part, "ok", f"{place}")
    )


def _salience() -> Finding:
    from jasco.extract.salience.weights import VARIABLE, kept_weights

    path = Path(os.environ.get(VARIABLE) or kept_weights())
    remedy = f"they are fetched on first use; without network set {VARIABLE}"
    return _found("salience", path if path.is_file() else None, f"no weights at {path}", remedy)


def _demucs() -> Finding:
    from jasco.extract.demucs import VARIABLE, find_drum_weights

    if find_spec("demucs") is None:
        return Finding("separator", "missing", "needs demucs", "pip install 'jasco[drums]'")
    named = os.environ.get(VARIABLE)
    detail = f"nothing at {named}" if named else "not fetched yet"
    remedy = f"they are fetched on first use; without network set {VARIABLE}"
    return _found("separator", find_drum_weights(), detail, remedy)


def _soundfont() -> Finding:
    from jasco.band.render import INSTALL, find_soundfont

    try:
        return Finding("soundfont", "ok", str(find_soundfont()))
    except MissingPartError as error:
        return Finding("soundfont", "missing", str(error).partition(":")[0], INSTALL)


def _chordino() -> Finding:
    from jasco.extract.chordino import INSTALL_COMMAND, find_chordino, search_path

    if find_spec("vampyhost") is None:
        return Finding("chordino", "missing", "needs vamphost", "pip install 'jasco[chords]'")
    try:
        return Finding("chordino", "ok", str(find_chordino()))
    except MissingPartError:
        folders = os.pathsep.join(search_path())
        return Finding("chordino", "missing", f"none that loads in {folders}", INSTALL_COMMAND)


def programs() -> Iterator[Finding]:
    """External programs."""
    for name, purpose in {
        "ffmpeg": "reads m4a and video files",
        "fluidsynth": "renders MIDI to audio",
    }.items():
        remedy = f"install {name} with your package manager"
        yield _found(name, shutil.which(name), purpose, remedy)


def hub() -> Iterator[Finding]:
    """Cache of downloads, and access to the network."""
    from huggingface_hub import constants

    yield Finding("cache", "ok", constants.HF_HUB_CACHE)
    offline = (
        "HF_HUB_OFFLINE=1, nothing is downloaded"
        if constants.HF_HUB_OFFLINE
        else "downloads allowed"
    )
    yield Finding("network", "ok", offline)


@dataclass(frozen=True)
class Section:
    """Findings under one title; ``needed`` where generation fails without them."""

    title: str
    find: Callable[[], Iterator[Finding]]
    needed: bool = False


SECTIONS = (
    Section("core", core, needed=True),
    Section("machine", machine, needed=True),
    Section("extras", extras),
    Section("weights and plugins", parts),
    Section("programs", programs),
    Section("Hub", hub, needed=True),
)


def examine(section: Section) -> list[Finding]:
    """Findings of a section; an unexpected error becomes the last one."""
    findings: list[Finding] = []
    try:
        findings.extend(section.find())
    except Exception as error:
        findings.append(Finding(section.title, "broken", describe(error)))
    return findings


def _requirements(extra: str = "") -> Iterator[Requirement]:
    for requirement in map(Requirement, requires("jasco") or []):
        marker = requirement.marker
        needed = marker is None or marker.evaluate({"extra": ""})
        if needed != bool(extra) and (marker is None or marker.evaluate({"extra": extra})):
            yield requirement


def _package(requirement: Requirement, remedy: str, purpose: str = "") -> Finding:
    """Finding of a package; one without a ``purpose`` is required, and its absence is an error."""
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        if purpose:
            return Finding(requirement.name, "missing", purpose, remedy)
        return Finding(requirement.name, "broken", "not installed", remedy)
    if not requirement.specifier.contains(installed, prereleases=True):
        wrong = f"{installed} does not fit {requirement.specifier}"
        return Finding(requirement.name, "broken", wrong, remedy)
    return Finding(requirement.name, "ok", installed)


def table(report: dict[str, list[Finding]]) -> str:
    """Report as text in columns."""
    width = max(len(finding.part) for findings in report.values() for finding in findings)
    lines = []
    for title, findings in report.items():
        lines.append(title)
        for finding in findings:
            remedy = f"  ->  {finding.remedy}" if finding.remedy else ""
            lines.append(f"  {finding.part:{width}}  {finding.state:7}  {finding.detail}{remedy}")
    return "\n".join(lines)


def _print_mark(path: str, *, as_json: bool) -> int:
    """Print the digital source type of a file; return 1 where it states none."""
    from jasco.audio.credentials import read_manifest
    from jasco.audio.marks import VOCABULARY, read_mark

    found, manifest = read_mark(path), read_manifest(path)
    if as_json:
        name, tags = (None, []) if found is None else (VOCABULARY + found[0], found[1])
        plain = {"digital_source_type": name, "tags": tags, "c2pa": manifest}
        print(json.dumps(plain, indent=2))
    elif found is None:
        print(f"{path}: no tag states a digital source type")
    else:
        print(f"{path}: {found[0]}, {VOCABULARY}{found[0]} (in {', '.join(found[1])})")
    if manifest is not None and not as_json:
        state = ", ".join([manifest["state"], *manifest["problems"]])
        types = ", ".join(manifest["digital_source_types"])
        print(f"{path}: C2PA manifest of {manifest['signer']} ({state}): {types}")
    return 1 if found is None and manifest is None else 0


@one_line_errors("jasco-doctor")
def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; return 1 where a requirement of generation is broken, else 0."""
    parser = argparse.ArgumentParser(
        prog="jasco-doctor",
        description="Packages, device, precision, weights and programs of this machine, and the "
        "command that solves each problem.",
        epilog="Exit code: 1 where a requirement of generation is broken, else 0.",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--install-chordino",
        action="store_true",
        help="instead of the report: download the Chordino plugin (GPL), test it, print its path",
    )
    parser.add_argument(
        "--yes", action="store_true", help="accept the licence of Chordino without a question"
    )
    parser.add_argument(
        "--mark",
        metavar="FILE",
        help="instead of the report: print the statement of an audio file that it is generated; "
        "exit code 1 where it states none",
    )
    options = parser.parse_args(argv)
    if options.mark is not None:
        return _print_mark(options.mark, as_json=options.json)
    if options.yes and not options.install_chordino:
        parser.error("--yes goes with --install-chordino")
    if options.install_chordino:
        from jasco.extract.chordino import install_chordino

        print(f"Chordino extracted a test cadence correctly: {install_chordino(yes=options.yes)}")
        return 0

    report = {section.title: examine(section) for section in SECTIONS}
    broken = [
        finding.part
        for section in SECTIONS
        for finding in report[section.title]
        if section.needed and finding.state == "broken"
    ]
    if options.json:
        rows = {title: [asdict(f) for f in findings] for title, findings in report.items()}
        print(json.dumps({"ok": not broken, "report": rows}, indent=2))
    else:
        print(table(report))
        print(
            f"\nbroken: {', '.join(broken)}"
            if broken
            else "\nall requirements of generation are met"
        )
    return 1 if broken else 0
