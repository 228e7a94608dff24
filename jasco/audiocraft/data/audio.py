"""Audio files with the interface of ``audiocraft.data.audio``."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from jasco.audio import save_audio, to_audio
from jasco.errors import SettingError

STRATEGIES = ("loudness", "peak", "rms", "clip", "none")


def audio_write(
    stem_name: str | os.PathLike[str],
    wav: Tensor,
    sample_rate: int,
    format: str = "wav",
    mp3_rate: int = 320,
    ogg_rate: int | None = None,
    normalize: bool = True,
    strategy: str = "loudness",
    peak_clip_headroom_db: float = 1,
    rms_headroom_db: float = 18,
    loudness_headroom_db: float = 14,
    loudness_compressor: bool = True,
    log_clipping: bool = True,
    make_parent_dir: bool = True,
    add_suffix: bool = True,
    mark: bool = True,
) -> Path:
    """Write audio at a given level; returns the path of the file.

    Folders are made where missing, mp3 and ogg are written at the variable rates of
    `jasco.save_audio`, and clipping is always a warning, so ``mp3_rate``, ``ogg_rate``,
    ``log_clipping`` and ``make_parent_dir`` change nothing.

    Args:
        stem_name: path without its suffix.
        wav: (channels, samples) or (samples,), floating point.
        sample_rate: sample rate (Hz).
        format: wav, flac, mp3 or ogg.
        mp3_rate, ogg_rate, log_clipping, make_parent_dir: accepted and ignored.
        normalize: raise the level too with ``peak`` and ``rms``, instead of only lowering it.
        strategy: ``loudness`` (ITU-R BS.1770), ``peak``, ``rms``, ``clip`` (cut off the peaks) or
            ``none``.
        peak_clip_headroom_db: headroom of the highest peak below full scale (dB).
        rms_headroom_db: headroom of the root mean square of the channels' mean (dB).
        loudness_headroom_db: distance of the loudness below 0 LUFS (LU).
        loudness_compressor: limit peaks with a soft limiter instead of a lower gain.
        add_suffix: append the format's suffix; without it the path's own suffix is the format.
        mark: state in the file that it is generated, see `jasco.audio.marks`.

    Raises:
        SettingError: an unknown strategy.
        AudioError: audio that cannot be written.
    """
    if strategy not in STRATEGIES:
        raise SettingError(f"strategy {strategy!r} is unknown: give {', '.join(STRATEGIES)}")
    path = Path(f"{os.fspath(stem_name)}.{format}" if add_suffix else stem_name)
    samples = to_audio(wav, sample_rate).samples
    ceiling = _amplitude(peak_clip_headroom_db)
    gain = 1.0
    if strategy == "peak":
        gain = ceiling / max(float(samples.abs().max()), 1e-12)
    elif strategy == "rms":
        rms = float(samples.mean(dim=0).square().mean().sqrt())
        gain = _amplitude(rms_headroom_db) / max(rms, 1e-12)
    elif strategy == "clip":
        samples = samples.clamp(-ceiling, ceiling)
    return save_audio(
        path,
        samples * (gain if normalize else min(gain, 1.0)),
        sample_rate,
        loudness=-loudness_headroom_db if strategy == "loudness" else None,
        limiter="soft" if loudness_compressor else None,
        mark=mark,
    )


def _amplitude(headroom_db: float) -> float:
    return 10.0 ** (-headroom_db / 20)
