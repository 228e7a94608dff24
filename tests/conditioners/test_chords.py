"""Chord embeddings: those of published models drawn at random, wide ones begin with a meaning."""

from __future__ import annotations

import pytest
import torch

from jasco.chords import CHORD_INDEX, CHORD_NAMES, NULL_CHORD
from jasco.conditioners.chords import ChordConditioner, pitch_class_features


def sets(name):
    row = pitch_class_features()[CHORD_INDEX[name]].unflatten(0, (3, 12))
    return [set(part.nonzero()[:, 0].tolist()) for part in row]


@pytest.mark.parametrize(
    "name, tones, root, bass",
    [
        ("C", {0, 4, 7}, 0, 0),
        ("Am", {9, 0, 4}, 9, 9),
        ("G7", {7, 11, 2, 5}, 7, 7),
        ("Bb/D", {10, 2, 5}, 10, 2),
        ("Bb/C", {10, 2, 5, 0}, 10, 0),
    ],
)
def test_a_name_means_its_tones_its_root_and_its_bass(name, tones, root, bass):
    assert sets(name) == [tones, {root}, {bass}]


def test_each_chord_means_something_else_and_no_chord_nothing():
    rows = pitch_class_features()
    silent = [CHORD_INDEX["N"], CHORD_INDEX["UNK"], NULL_CHORD]
    assert rows[silent].sum() == 0
    assert len({tuple(row.tolist()) for row in rows}) == len(CHORD_NAMES) - 2 + 1


def test_only_a_wide_embedding_begins_with_it():
    torch.manual_seed(0)
    narrow = ChordConditioner(32, width=16).embedding.weight
    torch.manual_seed(0)
    assert torch.equal(narrow, torch.nn.Embedding(len(CHORD_NAMES) + 1, 16).weight)
    wide = ChordConditioner(32, width=64).embedding.weight
    assert torch.equal(wide[:, :36], pitch_class_features())
    assert float(wide[:, 36:].std()) == pytest.approx(0.1, rel=0.1)
