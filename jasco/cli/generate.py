"""``jasco-generate``: music from text, chords, drums and a melody, into files."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jasco.cli.errors import one_line_errors
from jasco.cli.loading import add_hub_options, load_model

if TYPE_CHECKING:
    from jasco.recipe import Recipe

PROGRAM = "jasco-generate"
DEFAULT_MODEL = "demo"
# Named here too, because --help must not wait for torch.
SOLVERS = ("euler", "midpoint", "heun", "rk4", "dopri5")
NOTATIONS = ("english", "german", "latin")
DTYPES = ("auto", "float32", "bfloat16")

EPILOG = """\
requests:
  A request file holds one JSON object (.json), a list of them, or one a line (.jsonl), with the
  keys text, chords, bpm, time_signature, key, notation, annotation, drums, melody, chords_from,
  drums_from, melody_from, seed, samples, best_of, duration, start, crop, solver, steps, guidance,
  loudness and output. Its relative paths start from its own folder. All requests are checked before
  the first is generated. Options given beside --request or --from go before what the file says.

files:
  An output file that exists is replaced, when the new one is whole. Takes that share a name are
  numbered: song-1.flac, song-2.flac. Missing folders are made. The recipe of a take is in the
  file's comment tag, for wav also in a .json beside it; --from makes the take again. Of --best-of
  the file and its recipe are those of the seed that is kept.

examples:
  jasco-generate "warm 80s synth-pop" --chords "C Am | F G" --bpm 100 -o song.flac
  jasco-generate "funk" --drums beat.wav --melody tune.mid --samples 4 --seed 7 -o funk.wav
  jasco-generate "lo-fi" --chords "C Am | F G" --bpm 80 --best-of 8 --seed 7 -o best.flac
  jasco-generate --request songs.jsonl --batch-size 8 -o song.flac
  jasco-generate --from song.flac --guidance all=1.5,text=3 -o other.flac

exit codes: 0 done, 1 failed with one line that says why, 2 wrong usage, 130 interrupted.
"""


def _loudness(text: str) -> float | str:
    return "none" if text == "none" else float(text)


_loudness.__name__ = "loudness"  # argparse says: invalid loudness value


def _parser() -> argparse.ArgumentParser:
    """The options; those of a request are absent from the namespace where they are not given."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Music from text, chords, drums and a melody.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("text", nargs="?", help="description of the music")
    add("--chords", help="'C Am | F G7' (with --bpm), 'C:0 Am:2.5', or a .lab or .jams file")
    add("--bpm", type=float, help="tempo of chords that are written in bars")
    add("--time-signature", metavar="N/N", help="of chords that are written in bars; 4/4 if absent")
    add("--key", help="of chords in Roman numerals or Nashville numbers: 'A minor'")
    add("--notation", choices=NOTATIONS, help="language of note names; german: H, B, Fis, Es")
    add("--annotation", metavar="WHICH", help="index or annotator of the chords in a JAMS file")
    add("--drums", metavar="FILE", help="an isolated drum track")
    add("--melody", metavar="FILE", help="a MIDI file, or a matrix as .npz, .npy or .th")
    add("--chords-from", metavar="FILE", help="take the chords of a recording (Chordino)")
    add("--drums-from", metavar="FILE", help="take the drums out of a song (Demucs)")
    add("--melody-from", metavar="FILE", help="take the melody of a recording (deep salience)")
    add("-o", "--output", metavar="FILE", help="file to write: .wav, .flac, .mp3 or .ogg")
    add("--samples", type=int, metavar="N", help="number of takes, with seeds from --seed on")
    add(
        "--best-of",
        type=int,
        metavar="N",
        help="try N seeds, from --seed on, and keep the take that --check scores best",
    )
    add("--seed", type=int, metavar="N", help="of the noise; drawn and reported if absent")
    add("--duration", type=float, metavar="S", help="length in seconds, up to the model's own")
    add("--start", type=float, metavar="S", help="begin at this second of chords, drums and melody")
    add("--crop", metavar="S-S", help="use these seconds of chords, drums and melody: 30-40")
    add("--solver", choices=SOLVERS, help="the model's own if absent")
    add("--steps", type=int, metavar="N", help="of a solver other than dopri5; alone, of euler")
    add("--guidance", metavar="NAME=WEIGHT,...", help="all=1.5,text=3; the model's own if absent")
    add(
        "--loudness",
        type=_loudness,
        metavar="LUFS",
        help="of the file (ITU-R BS.1770), or 'none' to leave the level as it is; -14 if absent",
    )

    add(
        "--check",
        action="store_true",
        default=False,
        help="hear what was asked for in the take: scores on stdout and in the recipe, and a "
        "picture beside the file (song.check.png)",
    )

    source = parser.add_argument_group("requests and recipes").add_mutually_exclusive_group()
    source.add_argument("--request", metavar="FILE", type=Path, default=None, help="see below")
    source.add_argument(
        "--from",
        dest="take",
        metavar="TAKE",
        type=Path,
        default=None,
        help="make an earlier take again; other options change it",
    )
    add(
        "--yes",
        action="store_true",
        default=False,
        help="with --from: load the model that the take names, wherever it is",
    )
    add("--no-recipe", action="store_true", default=False, help="leave the recipe out of the file")

    group = parser.add_argument_group("model")
    group.add_argument(
        "--model",
        metavar="NAME",
        default=None,
        help="Hub id, folder or Lightning checkpoint; if absent, the small model that comes with "
        f"Jasco, {DEFAULT_MODEL}",
    )
    group.add_argument("--device", default=None, help="auto, cpu, cuda, cuda:1 or mps")
    group.add_argument(
        "--dtype",
        default=None,
        choices=DTYPES,
        help="of matrix products; auto if absent, which is bfloat16 where the hardware has it "
        "(dopri5 always computes in float32)",
    )
    group.add_argument(
        "--batch-size", type=int, metavar="N", default=4, help="most takes to run together; 4"
    )
    add_hub_options(parser)
    return parser


@one_line_errors(PROGRAM)
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.batch_size < 1:
        parser.error("argument --batch-size: give at least 1")

    # torch and the rest, only now that the usage is right: their import is part of loading
    started = time.perf_counter()
    from jasco.cli.check import Checker
    from jasco.cli.request import KEYS, Request, read_requests
    from jasco.cli.takes import check_model, plan, run
    from jasco.precision import resolve_device, resolve_dtype

    options = {key: value for key, value in vars(args).items() if key in KEYS}
    recipe = None
    entries: list[tuple[str | None, dict[str, Any]]] = [(None, {})]
    if args.request is not None:
        entries = [*read_requests(args.request)]
    elif args.take is not None:
        recipe, values = _read_take(args.take)
        entries = [(None, values)]
    elif not options.keys() & {"text", "chords", "drums", "melody"} and not any(
        key.endswith("_from") for key in options
    ):
        parser.error("say what to play: a text, --chords, --drums, --melody, --request or --from")
    if args.request is None and "output" not in options:
        parser.error("say where to write: -o FILE (.wav, .flac, .mp3 or .ogg)")
    requests = [Request.build({**values, **options}, label) for label, values in entries]
    takes = plan(requests, [args.take] if args.take is not None else [], check=args.check)
    name, revision, device, dtype = _where(args, recipe)
    resolve_dtype(dtype, resolve_device(device))  # says so now if there is no such device

    model = load_model(name, args, device=device, dtype=dtype, revision=revision)
    load = time.perf_counter() - started
    check_model(requests, model)
    checked = dict.fromkeys(take.request for take in takes if take.checked)
    checker = Checker([*checked], model.device) if checked else None
    run(
        takes,
        model,
        batch_size=args.batch_size,
        load=load,
        keep_recipe=not args.no_recipe,
        checker=checker,
    )
    return 0


def _read_take(path: Path) -> tuple[Recipe, dict[str, Any]]:
    """The recipe in a take, and the values of the request it was made from."""
    from jasco.audio import read_recipe
    from jasco.cli.request import located, recipe_values
    from jasco.errors import SettingError
    from jasco.recipe import Recipe

    plain = read_recipe(path)
    if plain is None:
        raise SettingError(f"{path} holds no recipe: it was made with --no-recipe, or not by Jasco")
    with located(str(path)):
        recipe = Recipe.from_dict(plain)
        values = recipe_values(recipe, plain.get("loudness", -14.0))
    _tell_versions(plain.get("versions"))
    return recipe, values


def _tell_versions(made_with: Any) -> None:
    """Say which versions are others than those a take was made with."""
    from importlib.metadata import version

    for package, then in made_with.items() if isinstance(made_with, dict) else ():
        now = version(package) if package in ("jasco", "torch") else then
        if now != then:
            print(
                f"made with {package} {then}, this is {now}: the take may differ", file=sys.stderr
            )


def _where(args: argparse.Namespace, recipe: Recipe | None) -> tuple[str, str | None, str, str]:
    """Model, revision, device and precision: as asked for, else the recipe's, else the default."""
    from jasco.errors import SettingError
    from jasco.precision import available_devices

    if recipe is None:
        return args.model or DEFAULT_MODEL, None, args.device or "auto", args.dtype or "auto"
    if args.model is None and recipe.model is None:
        raise SettingError(f"the recipe in {args.take} names no model: give --model")
    device = args.device or recipe.device
    if args.device is None and device not in available_devices():
        print(f"made on {device}, which is not here: the take may differ", file=sys.stderr)
        device = "auto"
    dtype = args.dtype or recipe.dtype
    if args.model is not None:
        return args.model, None, device, dtype
    # The commit belongs to the recipe's own model.
    name, revision = str(recipe.model), recipe.revision
    if not args.yes:
        _require_at_hand(args, name, revision)
    return name, revision, device, dtype


def _require_at_hand(args: argparse.Namespace, name: str, revision: str | None) -> None:
    """Refuse to follow a take to a folder or to the Hub: anybody may have written its recipe."""
    from jasco.checkpoint import HubOptions, at_hand
    from jasco.errors import SettingError

    if not at_hand(name, HubOptions(args.revision or revision, args.cache_dir)):
        commit = f" at {revision!r}" if revision is not None else ""
        raise SettingError(
            f"{args.take} names the model {name!r}{commit}, which neither comes with Jasco nor is "
            "in the Hub cache: give --yes to load it from there, or --model NAME for another"
        )


if __name__ == "__main__":
    sys.exit(main())
