"""`Jasco`: codec, conditioners and velocity network as one model for training and generation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Unpack, cast, overload

import torch
from torch import Tensor, nn

from jasco import checkpoint
from jasco.adapters import AdapterMethods
from jasco.adapters.methods import LoadedAdapters
from jasco.codec import EnCodec
from jasco.conditioners import Conditioner, TextConditioner
from jasco.conditioners.fit import check_parts
from jasco.conditions import ConditionBatch, Conditions, as_clips, check_asked
from jasco.device import Float32Module, resolve_device, resolve_dtype, rounded, to_device
from jasco.errors import CheckpointError, SettingError
from jasco.extract.latents import encode_drums
from jasco.flow import LOSS_WEIGHTS, ConditionalPath, Euler, Guidance, Solver, Term
from jasco.flow.loss import squared_error
from jasco.generation import Generation, frames_of
from jasco.network import GuidedVelocity, VelocityGraphs, VelocityNetwork, lower_linear
from jasco.song.generating import GivenGuidance, Settings, generate_clips
from jasco.song.integration import WINDOW_BATCH
from jasco.song.methods import SongMethods
from jasco.song.prepared import GivenDuration
from jasco.song.streaming import SongStream


class Jasco(SongMethods, AdapterMethods, Float32Module):
    """Flow-matching model that generates music from text, chords, drums and melody.

    Args:
        codec: autoencoder between waveforms and normalised latents.
        conditioners: control -> its conditioner, in the order of the configuration.
        network: velocity field.
        segment_duration: length of the training clips (s), and of the windows of longer songs.
    """

    def __init__(
        self,
        codec: EnCodec,
        conditioners: Mapping[str, Conditioner],
        network: VelocityNetwork,
        segment_duration: float = 10.0,
    ) -> None:
        super().__init__()
        check_parts(codec, conditioners, network, segment_duration)
        self.codec = codec
        self.conditioners = nn.ModuleDict(conditioners)
        self.network = network
        self.segment_duration = segment_duration
        self.path = ConditionalPath()
        self.solver: Solver = Euler()
        self.guidance = Guidance(all=1.0)
        self.dtype = torch.float32
        self.graphs = VelocityGraphs()
        self.config: dict[str, Any] = {}
        self.loaded = LoadedAdapters()
        self.name_or_path: str | None = None
        self.revision: str | None = None

    # --- building and saving ------------------------------------------------------------------

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Jasco:
        """Build a model with new weights.

        Args:
            config: mapping with the node ``model`` and, optionally, ``solver`` and ``guidance``.

        Raises:
            SettingError, CheckpointError: a class that is not Jasco's, or invalid values.
        """
        model = checkpoint.build(config["model"], "model")
        if not isinstance(model, cls):
            raise SettingError(f"the configuration describes a {type(model).__name__}, not a Jasco")
        model.config = dict(config)
        for default in ("solver", "guidance"):
            if config.get(default):
                setattr(model, default, checkpoint.build(config[default], default))
        return model

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | Path,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
    ) -> Jasco:
        """Load a model.

        Args:
            name_or_path: name of a bundled model, Hub id or folder of a published JASCO checkpoint
                or of one of ours, or a Lightning checkpoint file.
            device: device to compute on; ``"auto"`` for a GPU where there is one.
            dtype: precision of the network and of the decoder of the codec in generation;
                ``"auto"`` for bfloat16 where the hardware supports it, from weights in float32.
                ``"bfloat16"`` keeps the weights of the network's linear layers in bfloat16 too: the
                same audio from half the memory, but such a model is not trained on. Adaptive
                solvers compute in float32.
            revision: branch, tag or commit on the Hub.
            cache_dir, local_files_only, token: options of the Hub, see `jasco.io.hub.HubOptions`.

        Raises:
            CheckpointError: the checkpoint cannot be found, reached or read, or does not fit.
        """
        resolved = resolve_device(device)
        precision = resolve_dtype(dtype, resolved)
        hub = checkpoint.HubOptions(revision, cache_dir, local_files_only, token)
        found = checkpoint.read(name_or_path, hub=hub)
        with checkpoint.uninitialized():
            model = cls.from_config(found.resolved)
            if dtype != "auto" and precision != torch.float32:
                lower_linear(model.network, precision)
        checkpoint.assign(
            model, found.tensors, provided_by_parts=found.provided_by_parts, source=found.name
        )
        model.config = found.config
        model.name_or_path, model.revision = found.name, found.revision
        model.dtype = precision
        if precision == torch.bfloat16:
            model.codec.decode_dtype = precision
        return model.to(resolved).eval()

    def save_pretrained(
        self,
        folder: str | Path,
        *,
        text_encoder: bool = True,
        dtype: str = "float32",
        card: str | None = None,
    ) -> Path:
        """Write the model as a folder that `from_pretrained` loads with bit-equal weights.

        Args:
            folder: path of the folder, made where missing; an earlier model in it is replaced.
            text_encoder: include the text encoder. Without it a frozen one is named by its Hub id
                and commit, which makes the folder smaller and dependent on the Hub.
            dtype: format of the stored weights; ``"float16"`` and ``"bfloat16"`` round all weights,
                codec and text encoder included, to half the size.
            card: text of the model card, by default made from the configuration.

        Raises:
            CheckpointError: the folder holds other files, or cannot be written.
            SettingError: weights that the format cannot hold.
        """
        if not self.config:
            raise CheckpointError(
                "this model was put together by hand: use Jasco.from_config to save it"
            )
        if self.loaded.adapters:
            raise SettingError(
                f"{', '.join(self.loaded.adapters)} is loaded: merge_adapter() makes it part of "
                "the model, unload_adapter() leaves it out"
            )
        model = self if dtype == "float32" else rounded(self, dtype)
        parts = {"codec": model.codec.save}
        if model.codec.decoder is not None:
            parts["decoder"] = model.codec.decoder.save
        text = model.conditioners["text"] if "text" in model.conditioners else None
        if isinstance(text, TextConditioner) and (text_encoder or not text.on_hub):
            parts["text_encoder"] = text.save_encoder
        return checkpoint.save(folder, self.config, model.state_dict(), parts, card=card)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool = False,
        token: str | None = None,
        commit_message: str = "Upload a Jasco model",
        text_encoder: bool = True,
    ) -> str:
        """Upload the folder of `save_pretrained` to the Hub; returns the URL of the commit."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = self.save_pretrained(Path(scratch, "model"), text_encoder=text_encoder)
            return checkpoint.push(
                folder, repo_id, private=private, token=token, message=commit_message
            )

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Raise an error: `generate`, `velocity` and `loss` are the functions of the model."""
        raise SettingError(
            'a model is not called: model.generate("funk", seed=7) makes music, and '
            "model.loss(...) is what training minimizes"
        )

    # --- facts --------------------------------------------------------------------------------

    @property
    def sample_rate(self) -> int:
        """Audio samples per second (Hz)."""
        return self.codec.sample_rate

    @property
    def frame_rate(self) -> float:
        """Latent frames per second (Hz)."""
        return self.codec.frame_rate

    @property
    def controls(self) -> tuple[str, ...]:
        """Names of the controls, in order."""
        return tuple(self.conditioners)

    @property
    def device(self) -> torch.device:
        """Device of the weights."""
        return self.codec.mean.device

    def num_frames(self, duration: float | None = None) -> int:
        """Latent frames of ``duration`` (s), by default the segment duration.

        Raises:
            SettingError: no length of a clip or a song.
        """
        return frames_of(duration, self.segment_duration, self.frame_rate)

    # --- the maths ----------------------------------------------------------------------------

    def encode(self, conditions: Sequence[Conditions], num_frames: int) -> ConditionBatch:
        """Encode the conditions of B clips for the network.

        Raises:
            ConditionError: a clip has a control that the model lacks.
        """
        for i, clip in enumerate(conditions):
            whose = f"clip {i}" if len(conditions) > 1 else "the clip"
            check_asked(clip.asked, self.controls, whose)
        conditions = self._with_codes(conditions, num_frames)
        encoded = {}
        for name, module in self.conditioners.items():
            conditioner = cast(Conditioner, module)
            values = [getattr(clip, name) for clip in conditions]
            encoded[name] = conditioner(conditioner.prepare(values, num_frames, self.codec))
        return ConditionBatch(encoded, tuple(frozenset(clip.asked) for clip in conditions))

    def with_codes(self, clip: Conditions, num_frames: int) -> Conditions:
        """Clip with its drums as the codes of ``num_frames``, which is all that the model takes.

        Raises:
            ConditionError: codes shorter than the clip.
        """
        return self._with_codes([clip], num_frames)[0]

    def _with_codes(self, clips: Sequence[Conditions], num_frames: int) -> list[Conditions]:
        """Clips with their drums as codes, encoded together."""
        clips = list(clips)
        tracks = {i: clip.drums for i, clip in enumerate(clips) if clip.drums is not None}
        if "drums" not in self.conditioners:
            return clips
        codes = encode_drums(list(tracks.values()), num_frames, self.codec)
        for i, drums in zip(tracks, codes, strict=True):
            clips[i] = replace(clips[i], drums=drums)
        return clips

    def velocity(self, z: Tensor, t: Tensor, conditions: ConditionBatch) -> Tensor:
        """Velocity (B, T, D) at latents z (B, T, D) and times t, (B,) or a scalar."""
        return self.network(z, t, conditions)

    def guided(
        self, conditions: ConditionBatch, guidance: Guidance | Sequence[Guidance]
    ) -> GuidedVelocity:
        """Guided velocity field v(t, z) for encoded conditions, of one guidance or one per item.

        Distilled guidance is one term, whose weights are an input of the network.
        """
        each = [guidance] * len(conditions) if isinstance(guidance, Guidance) else guidance
        inputs = [self.network.guidance_inputs(own, self.controls) for own in each]
        items = zip(each, conditions.given, strict=True)
        terms = [own.terms(self.controls, given) for own, given in items]
        if any(inputs):
            rows = inputs if any(own != inputs[0] for own in inputs) else inputs[:1]
            rows_of = to_device(torch.tensor(rows), self.device)
            conditions = self.network.with_guidance(conditions, rows_of)
            terms = [[Term(1.0, frozenset(conditions.controls))]] * len(conditions)
        return GuidedVelocity.of(self.network, conditions, terms)

    def loss(
        self,
        z_1: Tensor,
        conditions: ConditionBatch,
        *,
        t: Tensor | None = None,
        z_0: Tensor | None = None,
        mask: Tensor | None = None,
        weighting: str = "increasing",
        windows: Mapping[int, float] | None = None,
    ) -> Tensor:
        """Conditional flow-matching loss per item, (B,); training minimizes its mean.

        Args:
            z_1: (B, T, D) normalised latents.
            conditions: encoded conditions of the items.
            t: (B,) times, drawn uniformly from [0, 1] where absent.
            z_0: (B, T, D) noise, drawn where absent.
            mask: (B, T) true at the frames of the loss, at least one per item; all where absent.
            weighting: name of the weight over t, of `LOSS_WEIGHTS`.
            windows: weights of further terms, see `jasco.flow.loss.squared_error`.
        """
        output = self.network.output.weight
        if torch.is_grad_enabled() and output.requires_grad and output.dtype != torch.float32:
            raise SettingError('to train weights, load the model with dtype="float32"')
        t = torch.rand(len(z_1), device=z_1.device) if t is None else t
        z_0 = torch.randn_like(z_1) if z_0 is None else z_0
        velocity = self.velocity(self.path.sample(z_0, z_1, t), t, conditions).float()
        error = velocity - self.path.velocity(z_0, z_1)
        return LOSS_WEIGHTS[weighting](t) * squared_error(error, mask, windows)

    # --- generation ---------------------------------------------------------------------------

    @overload
    def generate(
        self,
        conditions: Conditions | str | Sequence[Conditions | str],
        *,
        stream: Literal[False] = False,
        **settings: Unpack[Settings],
    ) -> Generation: ...

    @overload
    def generate(
        self, conditions: Conditions | str, *, stream: Literal[True], **settings: Unpack[Settings]
    ) -> SongStream: ...

    def generate(
        self,
        conditions: Conditions | str | Sequence[Conditions | str],
        *,
        seed: int | Sequence[int] | None = None,
        solver: Solver | str | None = None,
        steps: int | None = None,
        guidance: GivenGuidance = None,
        num_samples: int = 1,
        duration: GivenDuration = None,
        progress: bool = False,
        callback: Callable[[int, int], None] | None = None,
        noise: Tensor | None = None,
        encoded: ConditionBatch | None = None,
        window_batch: int = WINDOW_BATCH,
        sections: Sequence[Any] | None = None,
        stream: bool = False,
    ) -> Generation | SongStream:
        """Generate music for each clip.

        Args:
            conditions: one or several clips; a string is a clip of that text.
            seed: an int, or one per clip; sample j of a clip starts from noise of ``seed + j``.
                Noise is drawn per item on the CPU, so other items of a batch change an item only
                by rounding, in bfloat16 up to about -28 dB; bit-equal results need batches of one.
                ``None`` draws a seed per clip, which the recipe contains.
            solver: the model's own where absent; a name of `jasco.flow.SOLVERS` is one too.
            steps: number of steps, in place of the solver's own.
            guidance: the model's own where absent; a number is the weight of ``all``, and
                ``{"all": 1.5, "text": 3}`` and ``"all=1.5,text=3"`` are `Guidance` too; a list of
                `Guidance` has one per clip.
            num_samples: variants per clip; the results are ordered by clip.
            duration: length (s), at most an hour, or one per clip. More than ``segment_duration``
                is a song of overlapping windows (see `jasco.song`), with controls over all of it.
            progress: show a progress bar of the solver's steps.
            callback: called as ``callback(step, total)``; an exception in it stops the run.
            noise: initial noise (B, T, D) in place of the drawn one.
            encoded: conditions of the same clips, encoded by `encode`.
            window_batch: most windows of a song that run together.
            sections: texts of parts of the song, as ``{"bars": "1-8", "text": "sparse verse"}`` or
                with ``"seconds": "0:16"``; the rest has the text of the clip.
            stream: generate the windows of one clip from left to right, each given the end of the
                one before it, and return a `jasco.song.streaming.SongStream` of audio blocks.

        Raises:
            JascoError: conditions or settings that do not fit the model.
        """
        clips = as_clips(conditions)
        settings: dict[str, Any] = {
            "seed": seed,
            "solver": solver,
            "steps": steps,
            "guidance": guidance,
            "num_samples": num_samples,
            "duration": duration,
            "progress": progress,
            "callback": callback,
            "window_batch": window_batch,
            "sections": sections,
        }
        if not stream:
            return generate_clips(self, clips, noise=noise, encoded=encoded, **settings)
        if len(clips) > 1 or noise is not None:
            raise SettingError("a stream is one take of one clip, and draws its noise itself")
        return SongStream(self, clips[0], encoded=encoded, **settings)
