"""Methods of a model for edits of takes and for loops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from jasco.conditions import Conditions, as_clips
from jasco.control_value import MAX_DURATION
from jasco.errors import SettingError, shortened
from jasco.generation import Generation
from jasco.io.plain import is_number
from jasco.song.edit import CONTINUATION, CROSSFADE, VARIATION, Edit, continuation
from jasco.song.editing import regenerate, with_further_chords
from jasco.song.loop import Loop
from jasco.song.looping import generate_loop, loop_of
from jasco.song.ranges import bar_ranges, checked_ranges
from jasco.song.take import Take


class SongMethods:
    """Edits, continuations and variations of takes, and loops, for `jasco.model.Jasco`."""

    def edit(
        self,
        take: Any,
        conditions: Conditions | str | None = None,
        *,
        ranges: Sequence[tuple[float, float]] | None = None,
        bars: str | None = None,
        keep: Sequence[str] | None = None,
        strength: float = 1.0,
        jump_n_sample: int = 1,
        jump_length: int = 2,
        crossfade: float = CROSSFADE,
        **settings: Any,
    ) -> Generation:
        """Generate ranges of a take anew; all samples outside them are those of the take.

        Args:
            take: path of a take or of any recording, a `Generation` of one item, or audio.
            conditions: new conditions, whose time begins with each range.
            ranges: start and end (s) of each range.
            bars: ranges in bars, such as ``"5-8,13-16"``, in place of ``ranges``, of a take whose
                recipe has bars.
            keep: controls of the take that stay in the ranges, by its recipe; by default all that
                are not given anew.
            strength: below 1 the ranges start from the take itself at t = 1 - strength.
            jump_n_sample, jump_length: repeats of each run of steps, see
                `jasco.song.inpainting.Inpainting`.
            crossfade: length (s) of the cross-fade before and after a range, outside it.
            settings: ``seed``, ``solver``, ``steps``, ``guidance``, ``num_samples``, ``progress``,
                ``callback`` and ``window_batch`` of `generate`.

        Returns:
            Takes at the rate and with the channels of the take, which `Generation.save` writes at
            their level.

        Raises:
            JascoError: ranges outside the take, or settings or conditions that do not fit.
        """
        opened = Take.of(take)
        if (ranges is None) == (bars is None):
            raise SettingError("give ranges in seconds or bars, one of them")
        if bars is not None:
            found = bar_ranges(bars, opened.bars, opened.duration)
        else:
            found = checked_ranges(ranges, opened.duration)
        edit = Edit(
            "edit",
            found,
            keep=_names(keep),
            strength=strength,
            jump_n_sample=jump_n_sample,
            jump_length=jump_length,
            crossfade=crossfade,
        )
        return regenerate(self, opened, _clip(conditions), edit, **settings)

    def extend(
        self,
        take: Any,
        conditions: Conditions | str | None = None,
        *,
        duration: float = CONTINUATION,
        before: bool = False,
        **settings: Any,
    ) -> Generation:
        """Continue a take by ``duration`` (s), or begin ``before`` it.

        Time in the conditions begins with the new part; see `edit` for the arguments.
        """
        opened = Take.of(take)
        room = MAX_DURATION - opened.duration
        if not is_number(duration) or not 0 < duration <= room:
            raise SettingError(
                f"duration is {shortened(duration)}: give seconds to add to the take, at most "
                f"{room:.0f}"
            )
        edit = Edit("continue", *continuation(opened.duration, duration, before))
        return _regenerated(self, opened, conditions, edit, settings)

    def vary(
        self,
        take: Any,
        conditions: Conditions | str | None = None,
        *,
        strength: float = VARIATION,
        **settings: Any,
    ) -> Generation:
        """Variation of a whole take from its own latents at t = 1 - ``strength``; see `edit`."""
        opened = Take.of(take)
        edit = Edit("vary", ((0.0, opened.duration),), strength=strength)
        return _regenerated(self, opened, conditions, edit, settings)

    def loop(
        self,
        conditions: Conditions | str,
        *,
        bars: int,
        bpm: float | None = None,
        time_signature: str | None = None,
        key: str | None = None,
        **settings: Any,
    ) -> Generation:
        """Loop of whole bars, whose end goes over into its beginning without a seam.

        Windows and the context of the decoder go around a circle. It has the nearest whole number
        of latent frames; its audio is then resampled as a periodic signal, by half a frame in the
        whole loop at most, to the length of the bars in samples.

        Args:
            conditions: conditions; chords that are shorter than the loop repeat.
            bars: number of bars.
            bpm: tempo, in units of the metre's denominator per minute; by default that of chords
                in bars of 4/4.
            time_signature: metre; ``"4/4"`` by default.
            key: key that a wav file tells samplers, such as ``"A minor"``.
            settings: ``seed``, ``solver``, ``steps``, ``guidance``, ``num_samples``, ``progress``,
                ``callback`` and ``window_batch`` of `generate`.

        Raises:
            JascoError: no tempo, or settings or conditions that do not fit.
        """
        clip = _clip(conditions)
        if bpm is None:
            if time_signature is not None:
                raise SettingError("time_signature is that of bpm: give both")
            loop = loop_of(clip, bars, key)
        else:
            loop = Loop.at(bars, bpm, time_signature, key)
        return generate_loop(self, clip, loop, **settings)


def _regenerated(
    model: Any,
    take: Take,
    conditions: Conditions | str | None,
    edit: Edit,
    settings: dict[str, Any],
) -> Generation:
    """Takes of an edit whose own settings are among those given."""
    own = {
        k: settings.pop(k)
        for k in tuple(settings)
        if k in ("keep", "crossfade", "jump_n_sample", "jump_length")
    }
    own["keep"] = _names(own.get("keep"))
    edit = replace(edit, **own)
    clip = with_further_chords(_clip(conditions), take, edit, model.controls)
    return regenerate(model, take, clip, edit, **settings)


def _names(keep: Sequence[str] | None) -> tuple[str, ...] | None:
    """Controls to keep.

    Raises:
        SettingError: no list.
    """
    if keep is not None and (isinstance(keep, str) or not isinstance(keep, Iterable)):
        raise SettingError(f"keep is {shortened(keep)}: give a list of controls, as ['drums']")
    return None if keep is None else tuple(keep)


def _clip(conditions: Conditions | str | None) -> Conditions:
    """Conditions of one clip.

    Raises:
        SettingError: several clips.
    """
    clips = as_clips(Conditions() if conditions is None else conditions)
    if len(clips) != 1:
        raise SettingError(f"{len(clips)} clips for one take: give one, and num_samples")
    return clips[0]
