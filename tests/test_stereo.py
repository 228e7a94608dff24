"""A codec of two channels in training, preparation, generation, edits, loops and streams."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
import runs
import torch

from jasco import Conditions, Jasco, load_audio, save_audio
from jasco.audio import Audio
from jasco.checkpoint.codec import CodecSource
from jasco.codec import EnCodec
from jasco.config import compose_config
from jasco.data.manifest import scan_folder
from jasco.data.prepared import PreparedDataset
from jasco.data.raw import RawAudioDataset
from jasco.data.segments import SegmentDataset
from jasco.embeddings.latents import embed_latents
from jasco.encodec import FourierDecoder
from jasco.encodec.fourier import sizes_of
from jasco.prepare import prepare
from jasco.prepare.executors import LocalExecutor
from jasco.prepare.stages.drums import DrumStage
from jasco.prepare.stages.latents import LatentStage
from jasco.song.take import Take
from jasco.training.codec.discriminator import MultiScaleSTFTDiscriminator
from jasco.training.codec.initialization import init_pca, pink_noise
from jasco.training.codec.module import CodecModule

CLIP = Conditions("funk", chords=[("C", 0.0), ("F", 1.0)])
SHORT = {"seed": 3, "steps": 2}


@pytest.fixture(scope="module")
def model() -> Jasco:
    """Model whose codec reconstructs, as far as a linear one can."""
    made = runs.new_model("model.codec.config.audio_channels=2").eval()
    init_pca(made.codec.model, seconds=5.0)
    return made


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of unlike channels, at another rate."""
    generator = torch.Generator().manual_seed(0)
    path = tmp_path_factory.mktemp("songs") / "song.wav"
    save_audio(path, 0.1 * torch.randn(2, 96000, generator=generator), 48000, loudness=None)
    return path


def apart(audio: torch.Tensor) -> bool:
    """True where the channels (..., 2, N) differ."""
    return bool((audio[..., 0, :] - audio[..., 1, :]).abs().max() > 1e-4)


def test_takes_songs_and_streams_have_two_channels(model: Jasco, tmp_path: Path) -> None:
    take = model.generate(CLIP, duration=1.0, **SHORT)
    assert take.audio.shape == (1, 2, 32000) and apart(take.audio)
    (path,) = take.save(tmp_path / "take.flac")
    assert load_audio(path).samples.shape == (2, 32000)
    stream = model.generate(CLIP, duration=3.0, stream=True, **SHORT)
    joined = torch.cat([block.samples for block in stream], dim=1)
    assert joined.shape == (2, 96000) and apart(joined)
    saved = model.generate(CLIP, duration=3.0, stream=True, **SHORT).save(tmp_path / "song.wav")
    assert saved is not None and load_audio(saved).samples.shape == (2, 96000)


def test_edits_continuations_variations_and_loops(model: Jasco, song: Path, tmp_path: Path) -> None:
    take = model.generate(CLIP, duration=2.0, **SHORT)
    edited = model.edit(take, CLIP, ranges=[(0.5, 1.0)], seed=4, steps=2)
    assert edited.audio.shape == take.audio.shape and apart(edited.audio)
    assert torch.equal(edited.audio[..., :8000], take.audio[..., :8000])
    assert model.extend(take, duration=1.0, **SHORT).audio.shape == (1, 2, 96000)
    assert apart(model.vary(take, strength=0.5, **SHORT).audio)
    loop = model.loop("funk", bars=1, bpm=120, **SHORT)
    assert loop.audio.shape == (1, 2, 64000) and apart(loop.audio)
    # A recording of two channels keeps them, and one of one channel stays one.
    recorded = model.edit(song, CLIP, ranges=[(0.5, 1.0)], **SHORT)
    assert recorded.audio.shape == (1, 2, 96000) and apart(recorded.audio)
    save_audio(tmp_path / "mono.wav", load_audio(song).mono().samples, 48000, loudness=None)
    assert model.edit(tmp_path / "mono.wav", CLIP, ranges=[(0.5, 1.0)], **SHORT).audio.shape[1] == 1


def test_a_recording_is_encoded_in_its_channels(model: Jasco, song: Path) -> None:
    audio = load_audio(song)
    turned = Audio(audio.samples.flip(0), audio.sample_rate)
    mono = audio.mono()
    one, two, same = (Take(a, None, None).encode(model.codec) for a in (audio, turned, mono))
    with torch.no_grad():
        direct = model.codec.encode(audio.resample(32000).samples[None])[0]
    torch.testing.assert_close(one, direct, rtol=1e-3, atol=1e-3)
    assert (one - two).norm() > 0.1 * one.norm() and (one - same).norm() > 0.1 * one.norm()
    vectors = embed_latents(model.codec, [audio, turned])
    assert abs(vectors[0] - vectors[1]).max() > 1e-3


def test_drums_of_any_channels_are_a_condition(model: Jasco, song: Path) -> None:
    stereo = load_audio(song)
    made = [
        model.generate(Conditions(drums=drums), duration=1.0, **SHORT).latents
        for drums in (stereo, stereo.mono())
    ]
    assert torch.equal(*made)


def test_a_preparation_has_latents_of_both_channels(
    model: Jasco, song: Path, tmp_path: Path
) -> None:
    model.codec.save(tmp_path / "codec")
    source = CodecSource(str(tmp_path / "codec"))
    codec = source.load()
    recordings = scan_folder(song.parent)
    stages = [LatentStage(source), DrumStage(source, drums="isolated")]
    prepare(recordings, tmp_path / "prepared", stages, LocalExecutor(workers=1), progress=False)
    clip = PreparedDataset(tmp_path / "prepared").clip(0, 0, 100)
    with torch.no_grad():
        direct = codec.encode_raw(load_audio(song).resample(32000).samples[None])[0]
    torch.testing.assert_close(clip.latents, direct, rtol=2e-3, atol=2e-3)
    assert clip.conditions.drums is not None


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_recordings_of_any_channels_are_read_for_two(
    model: Jasco, song: Path, tmp_path: Path, channels: int
) -> None:
    mixed = load_audio(song).samples[:1] * torch.linspace(0.5, 1, channels)[:, None]
    save_audio(tmp_path / "song.wav", mixed, 48000, loudness=None)
    (tmp_path / "songs.jsonl").write_text('{"path": "song.wav"}\n')
    raw = RawAudioDataset.for_model(tmp_path / "songs.jsonl", (), model)
    assert raw.clip(0, 0, 50).audio.shape == (2, 32000)
    segments = SegmentDataset(
        scan_folder(tmp_path), sample_rate=32000, channels=2, samples=6400, seed=0
    )
    segment = segments[0]
    assert isinstance(segment, torch.Tensor) and segment.shape == (2, 6400)
    assert bool(apart(segment)) == (channels == 2)


def test_a_codec_of_two_channels_is_trained() -> None:
    torch.manual_seed(0)
    config = compose_config("+codec=tiny", "codec.config.audio_channels=2")["codec"]["config"]
    codec = EnCodec(config=config)
    weights = dict.fromkeys(("waveform", "stft", "mel", "flux", "adversarial", "features"), 1.0)
    judge = MultiScaleSTFTDiscriminator(2, filters=2, n_ffts=(256,))
    module = CodecModule(
        codec, weights, {"n_ffts": (512, 128)}, judge, quantized_share=0.0, latent_noise=0.0
    )
    wav = pink_noise(4, 6400).unflatten(0, (2, 2))
    optimizer = torch.optim.Adam(module.parameters(), lr=3e-4)
    found = []
    for _ in range(20):
        torch.manual_seed(1)
        objective, losses = module.objective(wav)
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
        found.append(float(losses["waveform"]))
    assert found[-1] < found[0]


def test_a_saved_model_keeps_its_channels_and_takes_a_decoder_of_two(
    model: Jasco, tmp_path: Path
) -> None:
    again = Jasco.from_pretrained(model.save_pretrained(tmp_path / "model"), device="cpu")
    assert again.codec.channels == 2
    own = model.codec.model.config
    decoder = FourierDecoder(config={"widths": [16, 8], "depths": [1, 1]} | sizes_of(own))
    codec = EnCodec(config=asdict(own), decoder=decoder)
    latents = torch.randn(1, 30, codec.latent_dim)
    assert codec.decode(latents).shape == (1, 2, 30 * 640)
