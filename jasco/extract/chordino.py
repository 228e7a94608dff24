"""Chordino plugin: search path, execution, and installation for the user.

Chordino (Mauch and Dixon, "Approximate note transcription for the improved identification of
difficult chords", ISMIR 2010) is a Vamp plugin under the GPL. Jasco ships no part of it: the user
installs it, and the Vamp host loads it at run time.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.errors import MissingPartError, SettingError
from jasco.extract.pieces import extract_in_pieces

PLUGIN = "nnls-chroma:chordino"
SAMPLE_RATE = 44100
"""Sample rate (Hz). The plugin requests blocks of 16384 samples at any rate, tuned for 0.37 s."""

PIECE = 900
"""Longest piece (s) of one run; for it the plugin allocates a third of a gigabyte."""

INSTALL_COMMAND = "jasco-doctor --install-chordino"
WHEEL = "chord-extractor==0.1.3"
LIBRARY = "nnls-chroma.so"
SHA256 = "022f18b7a0b922161bba5f292b916482fd04d9bad4c875292d25c141f98c7d99"
NOTICE = f"""\
Chordino is the Vamp plugin "nnls-chroma" by Matthias Mauch, free software under the GNU General
Public License (GPL). It is no part of Jasco, which loads it when chords are taken from audio.
With your consent, pip fetches {WHEEL} (GPL) from your package index, and its file {LIBRARY}
is put into {{folder}}; nothing else of it is kept.
"""

_LIBRARIES = (LIBRARY, "nnls-chroma.dylib", "nnls-chroma.dll")
_CADENCE = {"C": (0, 4, 7), "F": (5, 9, 12), "G": (7, 11, 14), "Am": (9, 12, 16)}


def plugin_folder() -> Path:
    """Folder for plugins of this user: ``$XDG_DATA_HOME/jasco/vamp``.

    ``$XDG_DATA_HOME`` is ``~/.local/share`` by default.
    """
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "jasco" / "vamp"


def search_path() -> list[str]:
    """Folders of ``VAMP_PATH``, or those of the Vamp host by default, then `plugin_folder`.

    Raises:
        MissingPartError: the Vamp host is not installed.
    """
    return [*_vamp_host().get_plugin_path(), str(plugin_folder())]


def find_chordino() -> Path:
    """Library of the plugin, the first on `search_path`.

    A process searches once; a later installation is found by the next process.

    Raises:
        MissingPartError: the host or the plugin is not installed, or the plugin does not load.
    """
    host = _vamp_host()
    before = os.environ.get("VAMP_PATH")
    folders = search_path()
    os.environ["VAMP_PATH"] = os.pathsep.join(folders)
    try:
        plugins = host.list_plugins()
    finally:
        if before is None:
            del os.environ["VAMP_PATH"]
        else:
            os.environ["VAMP_PATH"] = before
    if PLUGIN in plugins:
        return Path(host.get_library_for(PLUGIN))
    for path in (Path(folder, name) for folder in folders for name in _LIBRARIES):
        if path.is_file():
            raise MissingPartError(
                f"the Chordino plugin at {path} was not loaded: if it has just been installed, "
                "start Python again, else it does not fit this machine and has to be replaced"
            )
    raise MissingPartError(
        "chords from audio need the Chordino plugin, which is not installed here; "
        f"install it with: {INSTALL_COMMAND}"
    )


def extract_chords(audio: Audio) -> ChordProgression:
    """Extract the chords of a recording with Chordino at its defaults, as for published models.

    The audio is mixed down to mono and resampled to 44.1 kHz first: at other rates the plugin's
    blocks have another length in seconds, and errors increase (share of correct time on cadences of
    2 s per chord: 65 % at 8 kHz, 85 % at 16 kHz, 95 % at 44.1 kHz).

    Onsets are those of the plugin, in steps of 2048 samples (46 ms), the first at 0. A chord is
    recognised from some tenths of a second on; silence, noise and shorter pieces are ``N``.

    Args:
        audio: audio of any rate and number of channels.

    Returns:
        Progression up to the end of the audio. Its report is empty, unless the user configured
        another chord dictionary of the plugin.

    Raises:
        MissingPartError: the Vamp host or the plugin is not installed; the message has the command.
    """
    return extract_in_pieces(audio, SAMPLE_RATE, run_chordino, PIECE)


def run_chordino(samples: np.ndarray) -> list[tuple[str, float]]:
    """Run Chordino on a signal.

    Args:
        samples: (samples,) float32 at `SAMPLE_RATE`, full scale 1.0.

    Returns:
        (label, onset in s) of each chord, the first at 0. The output of Chordino starts with
        ``N``, for one step of 46 ms where music sounds from the start.

    Raises:
        MissingPartError: see `find_chordino`.
    """
    find_chordino()
    import vamp
    import vampyhost

    # By default the host starts with the first whole block, whose centre is at 0.186 s. Half a
    # block of leading silence moves the first step to 0 and leaves the later steps unchanged.
    events = vamp.collect(
        samples,
        SAMPLE_RATE,
        PLUGIN,
        output="simplechord",
        process_timestamp_method=vampyhost.SHIFT_DATA,
    )["list"]
    # The last event marks the end of the signal, with the label N of no chord.
    return [(event["label"], float(event["timestamp"])) for event in events[:-1]]


def check_chordino(folder: Path | None = None) -> Path:
    """Test the plugin on a synthesised cadence with known chords.

    The test runs in a process of its own, because a host searches for plugins only once and a
    library of another architecture may crash it.

    Args:
        folder: folder to search alone; ``None`` for the search of `find_chordino`.

    Returns:
        Path of the tested library.

    Raises:
        MissingPartError: the plugin is missing, does not load, or extracts other chords.
    """
    command = [sys.executable, "-m", "jasco.extract.chordino"]
    # The host loads all libraries it finds: a broken one in `plugin_folder` would interfere.
    only = {} if folder is None else dict.fromkeys(("VAMP_PATH", "XDG_DATA_HOME"), str(folder))
    done = _run(command, os.environ | only)
    if done.returncode != 0:
        raise MissingPartError(_reason(done))
    return Path(done.stdout.strip())


def install_chordino(*, yes: bool = False) -> Path:
    """Download the plugin from the package index, test it, and install it if it works.

    Args:
        yes: agree to the licence; else the terminal asks for it.

    Returns:
        Path of the library.

    Raises:
        SettingError: no consent was given, or there is no terminal to ask on.
        MissingPartError: the host is not installed, there is no build for this machine, the index
            cannot be reached or gives something else, or the plugin does not work here.
    """
    _vamp_host()
    try:
        return check_chordino()
    except MissingPartError:
        pass  # absent or unusable: install
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        raise MissingPartError(
            f"the packaged Chordino is built for Linux on x86_64, not for {sys.platform} on "
            f"{platform.machine()}: get the Vamp plugin 'NNLS Chroma' from vamp-plugins.org and "
            "put it into a folder named by VAMP_PATH"
        )
    folder = plugin_folder()
    if not yes:
        _ask(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".install-", dir=folder.parent) as temporary:
        part = Path(temporary, LIBRARY)
        part.write_bytes(_fetch(Path(temporary)))
        part.chmod(0o755)
        check_chordino(part.parent)
        note = Path(temporary, "nnls-chroma.txt")
        note.write_text(f"{LIBRARY} of {WHEEL}, under the GPL\nsha256 {SHA256}\n", encoding="utf-8")
        os.replace(note, folder / note.name)
        os.replace(part, folder / LIBRARY)
    return folder / LIBRARY


def cadence() -> tuple[list[str], np.ndarray]:
    """Cadence in C major, 2 s per chord: its chord names, and (samples,) at `SAMPLE_RATE`."""
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    chords = []
    for steps in _CADENCE.values():
        notes = [48 + steps[0], *(60 + step for step in steps)]
        frequencies = [440 * 2 ** ((note - 69) / 12) for note in notes]
        chords.append(
            sum(
                0.6**harmonic * np.sin(2 * np.pi * harmonic * frequency * time)
                for frequency in frequencies
                for harmonic in range(1, 6)
            )
        )
    samples = np.concatenate(chords)
    return list(_CADENCE), (samples / np.abs(samples).max() / 2).astype(np.float32)


def _vamp_host() -> ModuleType:
    try:
        import vampyhost
    except ImportError as error:
        raise MissingPartError(
            "chords from audio need the Vamp host: pip install 'jasco[chords]'"
        ) from error
    return vampyhost


def _ask(folder: Path) -> None:
    if not sys.stdin.isatty():
        raise SettingError(
            "Chordino is under the GPL and installed only with your consent, and there is no "
            f"terminal to ask on; a script gives it with: {INSTALL_COMMAND} --yes"
        )
    print(NOTICE.format(folder=folder))
    if input("Install it? [y/N] ").strip().lower() not in ("y", "yes"):
        raise SettingError("Chordino was not installed: the answer was not yes")


def _fetch(folder: Path) -> bytes:
    """Library from the wheel, downloaded by pip with the configuration of the user."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps"]
    # The wheel requires a Python below 3.12, but the library in it does not depend on Python.
    command += ["--only-binary=:all:", "--python-version=3.11", f"--dest={folder}", WHEEL]
    done = _run(command, os.environ)
    if done.returncode != 0:
        raise MissingPartError(
            f"pip could not fetch {WHEEL} ({_reason(done)}); connect to your package index and try "
            f"again, or put {LIBRARY} into a folder named by VAMP_PATH"
        )
    wheel = next(folder.glob("*.whl"))
    try:
        with zipfile.ZipFile(wheel) as archive:
            library = archive.read(f"chord_extractor/_lib/{LIBRARY}")
    except (zipfile.BadZipFile, KeyError) as error:
        raise MissingPartError(f"{wheel.name} holds no {LIBRARY}: nothing installed") from error
    found = hashlib.sha256(library).hexdigest()
    if found != SHA256:
        raise MissingPartError(
            f"the {LIBRARY} in {wheel.name} is not the one known (sha256 {found[:12]}..., expected "
            f"{SHA256[:12]}...): nothing installed"
        )
    return library


def _run(command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Reason why a process failed: its last line, or the signal that ended it."""
    if done.returncode < 0:
        return f"the Chordino plugin crashed (signal {-done.returncode})"
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return lines[-1].removeprefix("ERROR: ")


def _main() -> int:
    """Run the plugin on the cadence; print its library, or the error on stderr."""
    names, samples = cadence()
    try:
        library = find_chordino()
        found = [label for label, _ in run_chordino(samples) if label != "N"]
    except MissingPartError as error:
        print(error, file=sys.stderr)
        return 1
    if found != names:
        print(
            f"the Chordino plugin at {library} found {' '.join(found) or 'nothing'} instead of "
            f"{' '.join(names)}",
            file=sys.stderr,
        )
        return 1
    print(library)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
