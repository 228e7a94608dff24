"""``jasco-convert``: conversion of a checkpoint to a folder of safetensors and YAML."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from jasco.cli.errors import one_line_errors
from jasco.cli.loading import adapter_hub, add_hub_options, load_model

PROGRAM = "jasco-convert"
# The list is repeated here because --help must not wait for torch.
DTYPES = ("float32", "bfloat16", "float16")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Turn a checkpoint into a folder of safetensors and YAML that "
        "Jasco.from_pretrained loads, with bit-equal weights unless --dtype rounds them.",
        epilog="exit codes: 0 done, 1 failed with one line that says why, 2 wrong usage, "
        "130 interrupted, 143 terminated.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "source",
        help="Hub id such as facebook/jasco-chords-drums-400M, a folder, or the run of a training",
    )
    parser.add_argument("out", type=Path, help="folder to write; a checkpoint in it is replaced")
    parser.add_argument(
        "--no-text-encoder",
        action="store_true",
        help="name a frozen text encoder by its Hub id and commit instead of including it",
    )
    parser.add_argument(
        "--decoder",
        metavar="FOLDER",
        help="decoder of jasco-train experiment=codec_decoder, in place of the codec's own",
    )
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        default="float32",
        help="precision of the stored weights; default: float32, the others take half the space",
    )
    parser.add_argument(
        "--card", metavar="FILE", type=Path, help="model card, in place of a generated one"
    )
    line = "make an adapter part of the model; for several repeat the option"
    parser.add_argument("--merge", metavar="NAME[:WEIGHT]", action="append", default=[], help=line)
    parser.add_argument("--push", metavar="REPO_ID", help="upload the folder to the Hub too")
    parser.add_argument("--private", action="store_true", help="with --push: a private repository")
    add_hub_options(parser)
    return parser


@one_line_errors(PROGRAM)
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; see ``--help``."""
    parser = _parser()
    args = parser.parse_args(argv)
    if args.private and args.push is None:
        parser.error("--private goes with --push")

    from jasco.errors import CheckpointError
    from jasco.io.plain import MAX_JSON_BYTES, read_text
    from jasco.pipeline.adapters import load_adapters, read_adapters

    card = None if args.card is None else read_text(args.card, CheckpointError, MAX_JSON_BYTES)
    adapters = read_adapters(args.merge)
    model = load_model(args.source, args, device="cpu", dtype="float32")
    load_adapters(model, adapters, adapter_hub(args))
    if adapters:
        model.merge_adapter()
    if args.decoder is not None:
        from jasco.checkpoint.decoder import set_decoder

        set_decoder(model, args.decoder)
    folder = model.save_pretrained(
        args.out, text_encoder=not args.no_text_encoder, dtype=args.dtype, card=card
    )
    million = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    print(
        f"{folder}: {million:.1f} M parameters, {size:.1f} MB, controls {', '.join(model.controls)}"
    )
    if args.push is not None:
        from jasco import checkpoint

        message = f"Upload a Jasco model converted from {args.source}"
        address = checkpoint.push(
            folder, args.push, private=args.private, token=None, message=message
        )
        print(address)
    return 0


if __name__ == "__main__":
    sys.exit(main())
