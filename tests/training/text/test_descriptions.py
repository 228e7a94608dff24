from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from jasco.band import compose_song
from jasco.band.sketch import VALUES
from jasco.errors import SettingError
from jasco.training.text.descriptions import DescriptionDataModule, DescriptionResampling


def batches(loader, count):
    return list(islice(loader, count))


def new_data(**changes):
    return DescriptionDataModule(
        **{"batch_size": 8, "workers": 0, "val_descriptions": 16} | changes
    )


def test_batches_are_texts_and_labels():
    first, second = batches(new_data().train_dataloader(), 2)
    assert len(first.texts) == 8 and first.labels.shape == (8, len(VALUES))
    assert not set(first.texts) & set(second.texts)
    assert (first.labels >= 0).all()
    for labels, values in zip(first.labels.unbind(1), VALUES.values(), strict=True):
        assert labels.max() < len(values)


def test_a_seed_gives_the_same_descriptions_and_another_others():
    texts = [batches(new_data(seed=seed).train_dataloader(), 1)[0].texts for seed in (0, 0, 1)]
    assert texts[0] == texts[1] and not set(texts[0]) & set(texts[2])


def test_validation_is_whole_descriptions_that_training_does_not_see():
    data = new_data(drop_word=0.9)
    (train,) = batches(data.train_dataloader(), 1)
    val = batches(data.val_dataloader(), 99)
    assert [len(batch.texts) for batch in val] == [8, 8]
    words = [sum(len(t.split()) for t in batch.texts) for batch in (train, val[0])]
    assert words[0] < 0.5 * words[1]
    again = batches(data.val_dataloader(), 99)
    assert [batch.texts for batch in again] == [batch.texts for batch in val]


@pytest.mark.parametrize(
    "change", [{"drop_word": 2}, {"batch_size": 0}, {"val_descriptions": -1}, {"excerpts": -1}]
)
def test_values_out_of_range(change):
    with pytest.raises(SettingError, match=next(iter(change))):
        new_data(**change)


def test_training_begins_with_excerpts():
    data = new_data(excerpts=8, drop_word=0.0)
    excerpts, whole = batches(data.train_dataloader(), 2)
    sentences = batches(new_data(drop_word=0.0).train_dataloader(), 2)
    assert whole.texts == sentences[1].texts
    for excerpt, sentence in zip(excerpts.texts, sentences[0].texts, strict=True):
        assert excerpt in sentence and 1 <= len(excerpt.split()) <= 5
    same = excerpts.labels == sentences[0].labels
    assert (same | (excerpts.labels == 0)).all() and not same.all()


def test_a_song_is_told_anew_and_anything_else_as_it_is():
    fields = compose_song(1, 10.0).to_dict()
    resampling = DescriptionResampling(merge=0.0, drop_word=0.0)
    told = {resampling.draw(fields, np.random.default_rng(seed)) for seed in range(8)}
    assert len(told) > 6
    other = {"description": "a recording of rain"}
    assert resampling.draw(other, np.random.default_rng(0)) == "a recording of rain"
    silent = DescriptionResampling(merge=0.0, drop_word=1.0)
    assert silent.draw(fields, np.random.default_rng(0)) is None
