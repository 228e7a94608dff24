"""The data module: splits, batches of raw recordings, and the next sample id of a resumed run."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import runs
import torch

from jasco.audio import save_audio
from jasco.data.datamodule import JascoDataModule
from jasco.errors import DataError, SettingError


@pytest.fixture(scope="module")
def model():
    return runs.new_model()


def module(model, *arguments, rank=0, ranks=1, step=0, **options):
    """A data module of a trainer, as far as it looks at one."""
    data = JascoDataModule(*arguments, workers=0, **options)
    data.trainer = SimpleNamespace(
        num_devices=1,
        lightning_module=SimpleNamespace(model=model),
        world_size=ranks,
        global_rank=rank,
        global_step=step,
        accumulate_grad_batches=2,
    )
    return data


def test_a_share_of_the_tracks_is_kept_for_validation(model, songs):
    data = module(model, songs, val_share=0.34)
    data.setup("fit")
    train, val = set(data.datasets["train"].tracks), set(data.datasets["val"].tracks)
    assert len(val) == 3 and not train & val and len(train | val) == 6
    again = module(model, songs, val_share=0.34)
    again.setup("fit")
    assert again.datasets["val"].tracks == data.datasets["val"].tracks
    whole = module(model, songs, val_root=songs)
    whole.setup("fit")
    assert len(whole.datasets["train"].tracks) == len(whole.datasets["val"].tracks) == 6


def test_validation_is_the_same_for_all_ranks_together(model, songs):
    alone = module(model, songs, val_clips=6, batch_size=4)
    alone.setup("fit")
    expected = [n for batch in alone.val_dataloader() for n in batch.sample_ids]
    found = []
    for rank in range(2):
        data = module(model, songs, val_clips=6, batch_size=4, rank=rank, ranks=2)
        data.setup("fit")
        found += [n for batch in data.val_dataloader() for n in batch.sample_ids]
    assert found == expected == list(range(6))
    assert alone.validation_clips(2).sample_ids == (0, 1)


def test_where_a_run_goes_on(model, songs):
    data = module(model, songs, batch_size=3, ranks=2, step=5)
    data.setup("fit")
    state = data.state_dict()
    assert state == {"next": 5 * 2 * 3 * 2, "step": 5}
    later = module(model, songs, batch_size=4, step=5)  # with other batches and devices
    later.load_state_dict(state)
    later.setup("fit")
    assert next(iter(later.train_dataloader())).sample_ids == (60, 61, 62, 63)
    later.trainer.global_step = 7
    assert later.state_dict() == {"next": 60 + 2 * 2 * 4, "step": 7}


def test_recordings_are_encoded_on_the_fly(model, tmp_path):
    """The same latents as from a prepared dataset would be, from the audio itself."""
    from jasco.training.flow.module import JascoModule

    wav = 0.1 * torch.randn(1, 64000, generator=torch.Generator().manual_seed(0))
    save_audio(tmp_path / "a.wav", wav, 32000, loudness=None)
    line = {"path": "a.wav", "text": "noise", "chords": [["C", 0.0]], "drums": "a.wav"}
    (tmp_path / "tune.json").write_text("[[60, 0, 2]]")
    (tmp_path / "songs.jsonl").write_text(json.dumps(line | {"melody": "tune.json"}) + "\n")
    data = module(model, tmp_path / "songs.jsonl", batch_size=2)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch.latents is None and batch.audio.shape == (2, 1, 32000)
    training = JascoModule(model)
    latents = training.targets(batch)
    torch.testing.assert_close(latents, model.codec.encode(batch.audio))
    loss = training.training_step(batch, 0)
    loss.backward()
    assert loss.isfinite() and model.network.output.weight.grad.abs().sum() > 0
    model.zero_grad()


def test_text_must_be_there(model, tmp_path):
    root = runs.write_dataset(tmp_path / "mute", model.codec, count=2)
    lines = [json.loads(line) for line in (root / "index.jsonl").read_text().splitlines()]
    for line in lines:
        del line["text"]
    (root / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(DataError, match=r"no track of .*mute has a text .*data.without=\[text\]"):
        module(model, root).setup("fit")
    module(model, root, without=["text"]).setup("fit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "data.batch_size is 0"),
        ({"val_share": 1.5}, "data.val_share is 1.5"),
        ({"min_segment_ratio": -1}, "data.min_segment_ratio is -1"),
        ({"val_clips": -1}, "data.val_clips is -1"),
    ],
)
def test_settings_out_of_range(options, message, songs):
    with pytest.raises(SettingError, match=message):
        JascoDataModule(songs, **options)


def test_without_a_trainer(songs):
    with pytest.raises(SettingError, match="belongs to a Trainer"):
        JascoDataModule(songs).setup("fit")
