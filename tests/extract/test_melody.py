"""Melody extraction: golden recordings, silence, and synthesised melodies."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from jasco.audio import Audio, load_audio
from jasco.extract.melody import extract_melody
from jasco.extract.salience import FRAME_RATE, SAMPLE_RATE, DeepSalience
from jasco.melody import LOWEST_NOTE, NUM_NOTES, Melody, resample_salience

NOTE, REST = 0.5, 1.0  # seconds


@pytest.fixture(scope="module")
def weights(shared: Path) -> Path:
    pytest.importorskip("h5py", reason="the golden weights are HDF5: pip install 'jasco[melody]'")
    return shared / "salience" / "multif0.h5"


@pytest.fixture(scope="module")
def model(weights: Path) -> DeepSalience:
    return DeepSalience.load(weights, device="cpu")


@pytest.fixture(scope="module")
def recordings(shared: Path) -> dict[str, Audio]:
    synth = np.load(shared / "salience" / "synth_audio.npz")
    samples = torch.from_numpy(synth["audio_i16"].astype(np.float32) / 32768)
    return {
        "synth": Audio(samples[None], int(synth["sr"])),
        "asset": load_audio(shared / "audio" / "salience_2.wav"),
    }


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    """The original's row per frame, -1 for silence."""
    folder = shared / "salience"
    return {
        "synth": np.load(folder / "synth_out.npz")["labels"],
        "asset": np.load(folder / "asset_salience_2.npz")["labels_clip"],
    }


@pytest.fixture(scope="module")
def melodies(weights: Path, recordings: dict[str, Audio]) -> dict[str, Melody]:
    """Melodies of the recordings, extracted in float32."""
    model = DeepSalience.load(weights, device="cpu", dtype="float32")
    return {name: extract_melody(audio, model=model) for name, audio in recordings.items()}


def rows_of_the_original(melody: Melody) -> np.ndarray:
    """Rows at 50 Hz as the original reads them: with 86 for 86.13 Hz and centred frames."""
    roll = resample_salience(melody.roll, 86, 50, 500, centred=True)
    return Melody(roll, 50).rows().numpy()


def rows_at_exact_times(melody: Melody, num_frames: int = 500) -> np.ndarray:
    return Melody(melody.frames(num_frames, 50.0), 50).rows().numpy()


@pytest.mark.parametrize("case", ["synth", "asset"])
def test_golden_matrix(
    melodies: dict[str, Melody], golden: dict[str, np.ndarray], case: str
) -> None:
    np.testing.assert_array_equal(rows_of_the_original(melodies[case]), golden[case])


# Beside a change of note a few frames differ when every frame is read at its own time.
@pytest.mark.parametrize("case, agreement", [("synth", 0.988), ("asset", 0.964)])
def test_golden_matrix_at_exact_times(
    melodies: dict[str, Melody], golden: dict[str, np.ndarray], case: str, agreement: float
) -> None:
    assert melodies[case].frame_rate == FRAME_RATE
    same = rows_at_exact_times(melodies[case]) == golden[case]
    assert same.mean() == pytest.approx(agreement, abs=1e-9)


def test_golden_matrix_in_bfloat16(
    weights: Path, recordings: dict[str, Audio], golden: dict[str, np.ndarray]
) -> None:
    model = DeepSalience.load(weights, device="cpu", dtype="bfloat16")
    melody = extract_melody(recordings["asset"], model=model)
    assert (rows_of_the_original(melody) == golden["asset"]).mean() >= 0.99


def test_agreement_with_the_matrix_that_the_original_ships(
    shared: Path, melodies: dict[str, Melody]
) -> None:
    shipped = Melody.load(shared / "audio" / "salience_2.th").rows().numpy()
    # It was cut from a longer track, whose reference level is another.
    same = rows_of_the_original(melodies["asset"]) == shipped
    assert same.mean() == pytest.approx(0.896, abs=1e-9)


@pytest.mark.parametrize(
    "samples",
    [
        torch.zeros(2, 44100),
        torch.zeros(1, 1),
        1e-4 * torch.randn(1, 44100, generator=torch.Generator().manual_seed(0)),
        torch.randn(2, 44100, generator=torch.Generator().manual_seed(0)),
        torch.ones(1, 44100),
    ],
    ids=["silence", "one sample", "faint noise", "loud noise", "constant"],
)
def test_what_has_no_pitch_has_no_melody(model: DeepSalience, samples: torch.Tensor) -> None:
    melody = extract_melody(Audio(samples, 44100), model=model)
    assert (melody.roll == 0).all()


def test_channels_rate_and_loudness_do_not_matter(model: DeepSalience) -> None:
    tune = legato(sawtooth, range(20, 26))
    plain = extract_melody(Audio(tune[None], SAMPLE_RATE), model=model).rows()
    quiet = extract_melody(Audio(0.02 * tune.repeat(2, 1), SAMPLE_RATE), model=model).rows()
    high = torch.nn.functional.interpolate(tune[None, None], scale_factor=2, mode="linear")[0]
    doubled = extract_melody(Audio(high, 2 * SAMPLE_RATE), model=model).rows()
    assert torch.equal(plain, quiet)
    assert (plain == doubled).float().mean() > 0.98


def sine(frequency: float, time: np.ndarray) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * time)


def sawtooth(frequency: float, time: np.ndarray) -> np.ndarray:
    """Every harmonic below the Nyquist frequency."""
    harmonics = range(1, int(0.95 * SAMPLE_RATE / 2 / frequency) + 1)
    return sum((sine(k * frequency, time) / k for k in harmonics), np.zeros_like(time))


def plucked(frequency: float, time: np.ndarray, decay: float = 2.0) -> np.ndarray:
    """A plucked string (Karplus and Strong; tuned and stretched as by Jaffe and Smith, 1983).

    Noise runs round a loop: a delay, a mean of two neighbours weighted so that the fundamental
    falls by 60 dB in ``decay`` seconds, and an all-pass for the fraction of a sample that is
    missing to the period.
    """
    omega = 2 * math.pi * frequency / SAMPLE_RATE
    target = 10 ** (-3 / (frequency * decay))
    if math.cos(omega / 2) > target:
        gain, share = target / math.cos(omega / 2), 0.5
    else:
        gain = 1.0
        share = (1 - math.sqrt(1 - 2 * (1 - target**2) / (1 - math.cos(omega)))) / 2
    lag = math.atan2(share * math.sin(omega), 1 - share + share * math.cos(omega)) / omega
    delay = int(SAMPLE_RATE / frequency - lag - 0.3)
    rest = SAMPLE_RATE / frequency - lag - delay
    a = math.sin((1 - rest) * omega / 2) / math.sin((1 + rest) * omega / 2)
    loop = gain * np.convolve([1 - share, share], [a, 1.0])
    burst = np.random.default_rng(int(frequency)).uniform(-1, 1, delay)
    noise = np.concatenate([burst, np.zeros(len(time) - delay)])
    recursion = np.zeros(delay + 3)
    recursion[:2] = 1, a
    recursion[delay:] -= loop
    return lfilter([1.0, a], recursion, noise)


def legato(voice: Callable[[float, np.ndarray], np.ndarray], rows: range) -> torch.Tensor:
    """One note after the other without a gap, between two rests."""
    time = np.arange(int(NOTE * SAMPLE_RATE)) / SAMPLE_RATE
    ramp = np.minimum(1, np.minimum(time / 0.01, (NOTE - time) / 0.03))
    notes = [voice(440 * 2 ** ((LOWEST_NOTE + row - 69) / 12), time) * ramp for row in rows]
    rest = np.zeros(int(REST * SAMPLE_RATE))
    tune = np.concatenate([rest, *(note / abs(note).max() for note in notes), rest])
    return torch.from_numpy(tune * 0.5).float()


# Smallest share of the voiced frames with the right note. Low sines last too few periods:
# without harmonics there is only the longest of the constant-Q kernels to see them by.
@pytest.mark.parametrize("voice, least", [(sine, 0.82), (sawtooth, 0.97), (plucked, 0.92)])
def test_a_tune_of_all_notes(
    model: DeepSalience, voice: Callable[[float, np.ndarray], np.ndarray], least: float
) -> None:
    tune = legato(voice, range(NUM_NOTES))
    num_frames = int(50 * tune.shape[-1] / SAMPLE_RATE)
    rows = rows_at_exact_times(
        extract_melody(Audio(tune[None], SAMPLE_RATE), model=model), num_frames
    )
    time = np.arange(num_frames) / 50 - REST
    truth = np.where((time >= 0) & (time < NUM_NOTES * NOTE), np.floor(time / NOTE), -1)
    voiced = rows >= 0
    assert (rows == truth)[voiced].mean() >= 0.95
    assert (rows == truth)[truth >= 0].mean() >= least
    # The longest kernel spreads a note by less than a fifth of a second into the rest.
    silent = (time < -0.2) | (time > NUM_NOTES * NOTE + 0.2)
    assert silent.any()
    assert not voiced[silent].any()
