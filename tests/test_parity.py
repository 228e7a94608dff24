"""Golden outputs of the original code, reached through ``from_pretrained`` on a Hub cache."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from jasco.audio import Audio
from jasco.chords import ChordProgression
from jasco.conditioners.drums import blur_frames
from jasco.conditions import Conditions
from jasco.extract.latents import encode_drums
from jasco.flow import LOSS_WEIGHTS, Dopri5, Euler, Guidance
from jasco.melody import Melody
from jasco.model import Jasco

PACKS = ["chords-drums", "chords-drums-melody"]
OUR_NAMES = {"description": "text", "chords": "chords", "self_wav": "drums", "melody": "melody"}
TERMS = {"all": None, "text": ("text",), "null": ()}


@pytest.fixture(scope="module", params=PACKS)
def pack(request, shared, hub_cache):
    folder = shared / "parity"
    facts = json.loads((folder / f"golden-{request.param}.json").read_text())
    golden = load_file(folder / f"golden-{request.param}.safetensors")
    model = Jasco.from_pretrained(
        facts["name"], device="cpu", dtype="float32", cache_dir=hub_cache, local_files_only=True
    )
    clip = Conditions(
        text=facts["text"],
        chords=ChordProgression.from_pairs([tuple(pair) for pair in facts["chords"]]),
        drums=Audio(golden["drums_wav"].float(), 32000),
        melody=Melody.from_array(golden["melody"]) if "melody" in golden else None,
    )
    return SimpleNamespace(facts=facts, golden=golden, model=model, clip=clip)


def close(found, expected, tolerance):
    torch.testing.assert_close(found, expected, rtol=0, atol=tolerance)


def test_facts(pack):
    assert pack.model.sample_rate == 32000
    assert pack.model.frame_rate == 50.0
    assert pack.model.segment_duration == 10.0
    controls = ("text", "chords", "drums", "melody")
    assert pack.model.controls == controls[: 4 if "melody" in pack.golden else 3]


def test_chord_frames_are_exact(pack):
    assert torch.equal(pack.clip.chords.frames(500, 50.0), pack.golden["frame_chords"].long())


def test_drum_codes_are_exact(pack):
    (codes,) = encode_drums([pack.clip.drums], 500, pack.model.codec)
    assert torch.equal(codes.codes, pack.golden["drums_coarse_codes"][0].long())
    blurred = blur_frames(pack.model.codec.dequantize(codes.codes[None]), 3)
    close(blurred, pack.golden["drums_latents_blurred"], 2e-5)


@pytest.mark.parametrize("term", TERMS)
@torch.no_grad()
def test_conditioners(pack, term):
    """Each published output, behind the column of the input projection that reads it."""
    model, golden = pack.model, pack.golden
    batch = model.encode([pack.clip], 500)
    if TERMS[term] is not None:
        batch = batch.keep(TERMS[term])
    for theirs, ours in OUR_NAMES.items():
        if ours not in model.controls:
            continue
        expected = golden[f"cond/{term}/{theirs}"]
        values = batch.controls[ours].values
        if ours == "text":
            tokens = expected.shape[1]
            assert batch.controls[ours].mask.sum() == tokens
            close(values[:, :tokens], expected, 2e-5)
        else:
            close(values, model.conditioners[ours].project(expected), 2e-5)


@torch.no_grad()
def test_a_batch_of_texts(pack):
    """The original's embeddings, of which we attend to those that are not padding."""
    clips = [Conditions(text=text) for text in pack.facts["descs"]]
    encoded = pack.model.encode(clips, 500).controls["text"]
    mask = pack.golden["text_batch/mask"].bool()
    close(encoded.values[mask], pack.golden["text_batch/embeds"][mask], 2e-5)
    assert torch.equal(encoded.mask[:2], mask[:2])
    assert encoded.mask[2:].sum(1).tolist() == [1, 1]


@pytest.mark.parametrize("t", [0.0, 0.25, 0.9])
@pytest.mark.parametrize("term", TERMS)
@torch.no_grad()
def test_velocity(pack, term, t):
    batch = pack.model.encode([pack.clip], 500)
    if TERMS[term] is not None:
        batch = batch.keep(TERMS[term])
    found = pack.model.velocity(pack.golden["z0"], torch.tensor(t), batch)
    close(found, pack.golden[f"velocity/{term}/t{t}"], 2e-5)


@pytest.mark.parametrize(("a", "b"), [(1.5, 0.5), (5.0, 0.0), (1.25, 2.5)])
def test_euler(pack, a, b):
    out = pack.model.generate(
        [pack.clip], solver=Euler(10), guidance=Guidance(all=a, text=b), noise=pack.golden["z0"]
    )
    close(out.latents, pack.golden[f"euler10/{a}_{b}"], 1e-4)
    if (a, b) == (1.5, 0.5):
        close(out.audio, pack.golden["audio/euler10/1.5_0.5"], 1e-4)


def test_dopri5(pack):
    out = pack.model.generate(
        [pack.clip],
        solver=Dopri5(),
        guidance=Guidance(all=1.5, text=0.5),
        noise=pack.golden["z0"],
    )
    close(out.latents, pack.golden["dopri5/1.5_0.5"], 2e-4)


def test_the_originals_own_generate(pack):
    out = pack.model.generate(
        [pack.clip.without("drums", "melody")],
        solver=Euler(10),
        guidance=Guidance(all=1.5, text=0.5),
        noise=pack.golden["z0_seed77"],
    )
    close(out.latents, pack.golden["peer_generate/text_chords/euler10_1.5_0.5"], 1e-4)


@torch.no_grad()
def test_losses(pack):
    model, golden, facts = pack.model, pack.golden, pack.facts
    wav = golden["train_wav"].float()[:, None]
    close(model.codec.encode_raw(wav), golden["train_latents"], 2e-5)
    z_1 = model.codec.encode(wav)
    expected = (golden["train_latents"] - facts["latent_mean"]) / facts["latent_std"]
    close(z_1, expected, 2e-5)
    batch = model.encode([pack.clip], 500)
    for weighting in LOSS_WEIGHTS:
        loss = model.loss(
            z_1,
            batch,
            t=torch.tensor([facts["loss_t"]]),
            z_0=golden["z0"],
            weighting=weighting,
        )
        assert loss.mean().item() == pytest.approx(facts[f"loss_{weighting}"], rel=1e-5)


def test_round_trip_through_our_format(pack, tmp_path):
    """Published to ours and back: bit-equal weights, equal latents, no Hub needed."""
    folder = pack.model.save_pretrained(tmp_path / "ours")
    again = Jasco.from_pretrained(
        folder, device="cpu", dtype="float32", cache_dir=tmp_path / "no cache"
    )
    before, after = pack.model.state_dict(), again.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert repr(again.guidance) == repr(pack.model.guidance)
    settings = {"solver": Euler(4), "noise": pack.golden["z0"]}
    close(
        again.generate([pack.clip], **settings).latents,
        pack.model.generate([pack.clip], **settings).latents,
        1e-6,
    )
