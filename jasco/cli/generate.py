"""``jasco-generate``: generation of audio files from text, chords, drums and a melody."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from jasco.band.patterns import pattern_names
from jasco.cli.errors import one_line_errors
from jasco.cli.leaving import leave
from jasco.cli.loading import DEFAULT_MODEL, DTYPES, add_hub_options, load_adapters, load_model
from jasco.cli.signals import raising_sigterm
from jasco.cli.threads import MAX_THREADS
from jasco.controls import CONTROLS, control_names
from jasco.errors import JascoError, SettingError
from jasco.flow import SOLVERS
from jasco.notices import tell
from jasco.pipeline.adapters import ADAPTER_KEYS
from jasco.pipeline.charts import CHART_KEYS
from jasco.pipeline.edits import EDIT_KEYS
from jasco.pipeline.extractors import EXTRACTOR_KEYS
from jasco.pipeline.inputs import checked_input
from jasco.pipeline.loops import LOOP_KEYS, STDOUT
from jasco.pipeline.outputs import check_output
from jasco.pipeline.plan import GPU_BATCH, Plan
from jasco.pipeline.request import Request, keys, labelled, merged
from jasco.pipeline.request_file import read_requests
from jasco.song.edit import KINDS

if TYPE_CHECKING:
    import torch

    from jasco.audio.credentials import Credential
    from jasco.pipeline.check import Checker
    from jasco.pipeline.reading import Sources

PROGRAM = "jasco-generate"
DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")
MAX_BATCH = 256
_EXECUTOR_WORD = re.compile(r"executor(\.\w+)?=")  # as for jasco-prepare

MORE_OPTIONS: dict[str, dict[str, Any]] = {
    "chart": {"metavar": "FILE"},
    "song": {"metavar": "N|TITLE"},
    "bars": {"metavar": "N-N"},
    "transpose": {"type": int, "metavar": "N"},
    "chart_parts": {"metavar": "NAME,..."},
    **{key: {"metavar": "TAKE"} for key in KINDS},
    "seconds": {"metavar": "S:S,..."},
    "before": {"action": "store_true"},
    "loop": {"action": "store_true"},
    "drums_loop": {"action": "store_true"},
    "drums_bpm": {"type": float, "metavar": "N"},
    "stream": {"action": "store_true"},
    "sections": {"action": "append", "metavar": "N-N=TEXT"},
    "keep": {"metavar": "NAME,..."},
    "strength": {"type": float, "metavar": "X"},
    "crossfade": {"type": float, "metavar": "S"},
    "adapter": {"action": "append", "metavar": "NAME[:WEIGHT]"},
    "jump_n_sample": {"type": int, "metavar": "N"},
    "jump_length": {"type": int, "metavar": "N"},
}

EPILOG = """\
requests:
  A request file holds one JSON object (.json), a list of them, or one a line (.jsonl), with the
  keys
  {keys}.
  Its relative paths start from its own folder. Keys, values, chords and the presence of files are
  checked for all requests before the first is generated. A request with unreadable files is
  reported in its turn, the others are generated, and the exit code is 1. Options of the command
  line override those of --request or --from.

files:
  An existing output file is replaced when the new one is complete, with --stream when it begins.
  Takes of one name are numbered: song-1.flac, song-2.flac. Missing folders are created. The
  recipe of a take is in the comment tag of the file, for wav also in a .json beside it; --from
  reproduces the take. With --best-of, file and recipe are those of the best seed.

drum patterns:
  {patterns};
  after a comma the number of a groove, quarters, 8ths or 16ths for the hi-hat, swing or straight.

examples:
  jasco-generate "warm 80s synth-pop" --chords "C Am | F G" --bpm 100 -o song.flac
  jasco-generate "funk" --drums beat.wav --melody tune.mid --samples 4 --seed 7 -o funk.wav
  jasco-generate "lo-fi" --chords "C Am | F G" --bpm 80 --best-of 8 --seed 7 -o best.flac
  jasco-generate "bossa nova" --chords "Dm7 G7 C" --bpm 130 --drums "bossa, 16ths" -o bossa.flac
  jasco-generate "swing" --chart song.html --bars 9-16 --bpm 120 -o chart.flac
  jasco-generate "my style" --chords "C Am | F G" --bpm 96 --adapter runs/mine:0.8 -o mine.flac
  jasco-generate --request songs.jsonl --batch-size 8 -o song.flac
  jasco-generate --from song.flac --guidance all=1.5,text=3 -o other.flac
  jasco-generate "swing" --chords "C Am | F G" --bpm 120 --session song/
  jasco-generate --edit song.flac --bars 3-4 --chords "Dm | G" --keep drums -o edited.flac
  jasco-generate "drum and bass" --loop --bars 8 --bpm 170 -o loop.wav
  jasco-generate "funk" --duration 60 --stream -o - | ffplay -autoexit -nodisp -
  jasco-generate "funk" --server http://127.0.0.1:8000 -o funk.flac
  jasco-generate "with brass" --continue song.flac --duration 10 -o longer.flac

exit codes: 0 done, 1 failed with one line that says why, 2 wrong usage, 130 interrupted,
143 terminated.
"""


def _filled(text: str) -> str:
    return textwrap.fill(text, 96, subsequent_indent="  ")


def _loudness(text: str) -> float | str:
    return "none" if text == "none" else float(text)


_loudness.__name__ = "loudness"  # for the message of argparse: invalid loudness value

Options = dict[str, tuple[Callable[[str], Any], str | None, str]]
"""Flags of options -> type, placeholder, and line of ``--help``."""

OPTIONS: Options = {
    "-o --output": (str, "FILE", "file to write: .wav, .flac, .mp3 or .ogg; - with --stream"),
    "--session": (str, "PLACE", "write bars, chords, notes and audio: folder, .dawproject or .rpp"),
    "--samples": (int, "N", "number of takes, with consecutive seeds from --seed"),
    "--best-of": (int, "N", "try N seeds from --seed for each take; keep the best by --check"),
    "--seed": (int, "N", "seed of the noise; default: drawn and printed"),
    "--duration": (float, "S", "length (s), up to an hour; default: the model's"),
    "--start": (float, "S", "start within chords, drums and melody (s)"),
    "--crop": (str, "S-S", "range within chords, drums and melody (s): 30-40"),
    "--steps": (int, "N", "steps of the solver; default: that of the model, 50 with --solver"),
    "--shift": (float, "X", "timestep shift; above 1: shorter steps near the noise"),
    "--guidance": (
        str,
        "NAME=WEIGHT,...",
        "all=1.5,text=3 or chords=1.5@1-4,3@5-8; default: the model's",
    ),
    "--loudness": (_loudness, "LUFS", "as of ITU-R BS.1770, or 'none' to leave it; default: -14"),
}
MODEL_OPTIONS: Options = {
    "--model": (str, "NAME", f"Hub id, folder or Lightning checkpoint; default: {DEFAULT_MODEL}"),
    "--device": (str, None, "auto, cpu, cuda, cuda:1 or mps"),
    "--batch-size": (int, "N", f"takes per batch; default: {GPU_BATCH} on a GPU, 1 on a CPU"),
    "--threads": (int, "N", "CPU threads; default: one per usable core, at most OMP_NUM_THREADS"),
    "--executor-address": (str, "HOST:PORT", "Ray cluster; default: RAY_ADDRESS, or this machine"),
    "--executor-workers": (int, "N", "processes with the model; default: one a GPU, or a core"),
    "--server": (str, "URL", "generate by jasco-serve; JASCO_SERVE_KEY is its key, if it has one"),
}
C2PA = {
    "--c2pa": "certificate chain (PEM) of yours, which signs a C2PA manifest; wav, flac, mp3",
    "--c2pa-key": "private key (PEM) of the certificate",
}
SWITCHES = {
    "--check": "extract the requested controls from each take: scores on stdout and in the recipe, "
    "and a figure beside the file (song.check.png)",
    "--yes": "with --from: trust the model that the take names",
    "--no-recipe": "leave the recipe out of the file",
}


def _parser() -> argparse.ArgumentParser:
    """Parser; options of a request that are not given are absent from the namespace."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Music from text, chords, drums and a melody.",
        epilog=EPILOG.format(keys=_filled(", ".join(keys())), patterns=_filled(pattern_names())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("text", nargs="?", help="description of the music")
    for name, spec in CONTROLS.items():
        add(f"--{name}", help=spec.help, metavar=spec.metavar)
        for key, option in spec.options.items():
            add(f"--{key.replace('_', '-')}", help=option.help, **option.argument)
    for name, spec in CONTROLS.items():
        add(f"--{name}-from", metavar="FILE", help=spec.extractor_help)
    for key, names in EXTRACTOR_KEYS.items():
        line = f"extractor of --{key.removesuffix('_extractor')}-from; default: the first installed"
        add(f"--{key.replace('_', '-')}", choices=names, help=line)
    for key, (_, _, line) in (CHART_KEYS | EDIT_KEYS | LOOP_KEYS | ADAPTER_KEYS).items():
        add(f"--{key.replace('_', '-')}", help=line, **MORE_OPTIONS.get(key, {}))
    for flags, (kind, metavar, line) in OPTIONS.items():
        add(*flags.split(), type=kind, metavar=metavar, help=line)
    add("--solver", choices=tuple(SOLVERS), help="default: that of the model")
    line = "extractor of chords for --check and --best-of; default: all, by their mean"
    add("--check-chords", default=None, choices=tuple(CONTROLS["chords"].extractors), help=line)
    for flag, line in SWITCHES.items():
        add(flag, action="store_true", default=False, help=line)
    for flag, line in C2PA.items():
        add(flag, metavar="FILE", type=Path, default=None, help=line)
    line = "do not state in the file that it is generated"
    add("--no-mark", dest="mark", action="store_false", help=line)

    source = parser.add_argument_group("requests and recipes").add_mutually_exclusive_group()
    source.add_argument("--request", metavar="FILE", type=Path, default=None, help="see below")
    line = "reproduce an earlier take; other options change it"
    source.add_argument("--from", dest="take", metavar="TAKE", type=Path, default=None, help=line)

    group = parser.add_argument_group("model")
    for flags, (kind, metavar, line) in MODEL_OPTIONS.items():
        group.add_argument(flags, type=kind, metavar=metavar, default=None, help=line)
    line = "make the takes of --request on several processes, resumably; also executor=ray"
    group.add_argument("--executor", choices=("ray",), default=None, help=line)
    line = "precision of matrix products; default: auto, bfloat16 where the hardware has it "
    line += (
        "(dopri5 always computes in float32); bfloat16 keeps the weights in it, in half the memory"
    )
    group.add_argument("--dtype", default=None, choices=DTYPES, help=line)
    add_hub_options(parser)
    return parser


@one_line_errors(PROGRAM)
@raising_sigterm()
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    parser = _parser()
    args = parser.parse_args([_flag(word) for word in (sys.argv[1:] if argv is None else argv)])
    options = {key: value for key, value in vars(args).items() if key in keys()}
    _check_usage(parser, args, options)
    requests = _requests(args, options)
    plan = None if requests is None else _plan(args, requests)
    if args.executor is not None:
        from jasco.cli.many import generate_on_executor

        return generate_on_executor(args, plan)
    if args.server is not None:
        from jasco.cli.remote import check_remote, generate_remotely

        check_remote(args, plan)
        return generate_remotely(args.server, plan) if plan is not None else 1

    # Importing torch takes seconds, so it follows the checks and counts as loading.
    started = time.perf_counter()
    from jasco.cli.takes import print_event
    from jasco.cli.threads import use_threads
    from jasco.device import resolve_device, resolve_dtype
    from jasco.io.hub import HubOptions
    from jasco.pipeline.events import Failure
    from jasco.pipeline.reading import Sources, check_fit
    from jasco.pipeline.retake import Place, place_of, read_take, with_settings
    from jasco.pipeline.takes import Reader, make_takes

    place = Place(args.model, None, args.device, args.dtype, args.threads)
    if requests is None or plan is None:
        take = read_take(args.take, options)
        options, left_out = with_settings(options, take.recipe)
        requests = [Request.build(merged(take.values, options))]
        plan = _plan(args, requests)
        hub = HubOptions(args.revision, args.cache_dir)
        place, notes = place_of(take, place, hub, trusted=args.yes)
        for note in (*take.notes, *left_out, *notes):
            tell(str(note))
    credential = _credential(args, requests)
    name = DEFAULT_MODEL if place.model is None else place.model
    device, dtype = place.device or "auto", place.dtype or "auto"
    resolve_dtype(dtype, resolve_device(device))
    use_threads(place.threads)
    first = _first(requests, Sources)

    model = load_model(name, args, device=device, dtype=dtype, revision=place.revision)
    adapters = load_adapters(requests, model, args)
    load = time.perf_counter() - started
    check_fit(requests, model)
    failed = 0
    for event in make_takes(
        plan,
        model,
        Reader(model, alone=len(requests) == 1, first=first),
        batch_size=args.batch_size or (1 if model.device.type == "cpu" else GPU_BATCH),
        keep_recipe=not args.no_recipe,
        checker=_checker(plan, model.device, args.check_chords),
        credential=credential,
        adapters=adapters,
        progress=True,
        pipe=getattr(sys.stdout, "buffer", None),
    ):
        print_event(event, load=load)
        failed += isinstance(event, Failure)
    if failed:
        raise SettingError(
            f"{failed:,} of {len(requests):,} requests could not be read, see above; "
            "the takes of the others are made"
        )
    return 0


def _flag(word: str) -> str:
    """Option for a word such as ``executor.workers=2``; any other word as it is."""
    return f"--{word.replace('.', '-', 1)}" if _EXECUTOR_WORD.match(word) else word


def _credential(args: argparse.Namespace, requests: Sequence[Request]) -> Credential | None:
    """Certificate of the user; its errors, and files that it cannot sign, show before the work."""
    if args.c2pa is None:
        return None
    from jasco.audio.credentials import Credential, check_signable

    for request in requests:
        output = Path("session.wav") if request.output is None else request.output
        with labelled(request.label):
            form = output.suffix[1:].upper() if not request.stream else "a stream"
            check_signable(form, str(output), "" if request.mark else None)
    return Credential.load(args.c2pa, args.c2pa_key)


def _checker(plan: Plan, device: torch.device, chords: str | None) -> Checker | None:
    """Checker of the takes that are checked, with its extractors, which are imported for it."""
    if not plan.checked:
        return None
    from jasco.pipeline.check import Checker

    return Checker(plan.checked, device, None if chords is None else [chords])


def _check_usage(
    parser: argparse.ArgumentParser, args: argparse.Namespace, options: Mapping[str, Any]
) -> None:
    """End with the usage and code 2 where options are missing or out of range."""
    for name, most in (
        ("batch_size", MAX_BATCH),
        ("threads", MAX_THREADS),
        ("executor_workers", MAX_THREADS),
    ):
        value = getattr(args, name)
        if value is not None and not 1 <= value <= most:
            parser.error(f"argument --{name.replace('_', '-')}: give at least 1, at most {most}")
    asked = {key.removesuffix("_from") for key in options} & {
        *control_names(),
        "chart",
        *KINDS,
        "sections",
    }
    if args.request is None and args.take is None and not asked:
        controls = ", ".join(f"--{name}" for name in CONTROLS)
        parser.error(f"say what to play: a text, {controls}, --chart, --request or --from")
    if args.executor is None and (args.executor_address or args.executor_workers):
        parser.error("--executor-address and --executor-workers belong to --executor ray")
    if (args.c2pa is None) != (args.c2pa_key is None):
        parser.error("--c2pa and --c2pa-key go together: give both")
    if args.request is None and not {"output", "session"} & options.keys():
        parser.error("say where to write: -o FILE (.wav, .flac, .mp3 or .ogg)")


def _requests(args: argparse.Namespace, options: Mapping[str, Any]) -> list[Request] | None:
    """Checked requests; ``None`` for a take, whose recipe is not read without torch."""
    if args.device is not None and not DEVICE.fullmatch(args.device):
        raise SettingError(f"device {args.device!r} is unknown; use auto, cpu, cuda, cuda:1 or mps")
    if args.request is not None:
        entries = read_requests(args.request)
        return [Request.build(merged(values, options), label) for label, values in entries]
    if args.take is not None:
        checked_input("take", args.take, options=True)
        # Most errors of the options show without the recipe, as if a text were given.
        known = {key: value for key, value in options.items() if key not in EDIT_KEYS | LOOP_KEYS}
        if "chart" not in known:
            known.pop("bars", None)
        output = Request.build({"text": "any", **known}).output
        if output is not None and str(output) != STDOUT:
            check_output(output)
        return None
    return [Request.build(options)]


def _plan(args: argparse.Namespace, requests: Sequence[Request]) -> Plan:
    if sys.stdout.isatty() and any(str(request.output) == STDOUT for request in requests):
        raise SettingError("the standard output is a terminal: pipe it, as | ffplay -, or give -o")
    read = [path for path in (args.take, args.request) if path is not None]
    return Plan(requests, read, check=args.check)


def _first(requests: Sequence[Request], read: Callable[[Request], Sources]) -> Sources | None:
    """Read the files of the first request, whose errors should not wait for the model.

    With several requests, an error of one is reported in its turn.
    """
    try:
        return read(requests[0])
    except (JascoError, OSError):
        if len(requests) == 1:
            raise
        return None


def run() -> NoReturn:
    """Run the program, as its console script does."""
    leave(main())


if __name__ == "__main__":
    run()
