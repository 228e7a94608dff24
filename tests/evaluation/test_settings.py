from __future__ import annotations

import pytest
import torch

from jasco.conditions import Conditions
from jasco.drums import DrumCodes
from jasco.errors import SettingError
from jasco.evaluation.settings import expand, select_conditions

CONTROLS = ("text", "chords", "drums")


def test_settings_by_name() -> None:
    assert expand(["all", "none"], CONTROLS) == ["all", "none"]
    assert expand(["chords", "alone", "all"], CONTROLS) == ["chords", "text", "drums", "all"]
    assert expand(["without", "none"], CONTROLS) == [
        "without_text", "without_chords", "without_drums", "none"
    ]  # fmt: skip
    assert expand(["without_drums"], CONTROLS) == ["without_drums"]
    with pytest.raises(SettingError, match="no 'without_melody'"):
        expand(["without_melody"], CONTROLS)
    with pytest.raises(SettingError, match="no 'melody': give some of alone, without, all, text"):
        expand(["melody"], CONTROLS)
    with pytest.raises(SettingError, match="no settings"):
        expand([], CONTROLS)


def test_what_is_asked_for() -> None:
    own = Conditions("own", [("C", 0.0)], DrumCodes(torch.tensor([1])), torch.zeros(53, 1))
    other = Conditions("other", [("G", 0.0)], None, torch.ones(53, 1))
    assert select_conditions("all", own, other, CONTROLS).asked == CONTROLS
    assert select_conditions("none", own, other, CONTROLS).asked == ()
    assert select_conditions("drums", own, other, CONTROLS).asked == ("drums",)
    assert select_conditions("without_drums", own, other, CONTROLS).asked == ("text", "chords")
    assert select_conditions("without_text", own, other, CONTROLS).asked == ("chords", "drums")
    crossed = select_conditions("mismatched", own, other, CONTROLS)
    assert crossed.text == "own" and crossed.asked == ("text", "chords")
    assert crossed.chords is other.chords
