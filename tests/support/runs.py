"""A small model, tracks whose latents follow their controls, and training runs on them."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import traceback

import torch
from lightning.pytorch import Callback, Trainer

from jasco.chords import CHORD_INDEX
from jasco.config import compose_config
from jasco.data.datamodule import JascoDataModule
from jasco.data.dropout import TextDropout
from jasco.data.prepared import make_track, write_index
from jasco.data.track_file import read_header, track_file, write_track
from jasco.model import Jasco
from jasco.training.callbacks import EMA, Checkpoints
from jasco.training.checkpoint_io import AtomicCheckpointIO
from jasco.training.flow.module import JascoModule
from jasco.training.optim import Optimization

SMALL = (
    "+model=tiny",
    "model.segment_duration=1.0",
    "model.network.dim=32",
    "model.network.depth=2",
    "+model.conditioners.text.config.dropout_rate=0.1",
)
DROPOUT = {"all": 0.2, "chords": 0.3, "drums": 0.3, "melody": 0.3}


def new_model(*overrides, seed=0):
    torch.manual_seed(seed)
    config = compose_config(*SMALL, *overrides)
    model = Jasco.from_config(config | {"dropout": DROPOUT})
    generator = torch.Generator().manual_seed(1)
    for layer in model.codec.model.quantizer.layers:  # random weights leave them empty
        layer.codebook.embed.normal_(generator=generator)
    return model.train()


def write_dataset(root, codec, count=6, frames=120, controls=("chords", "drums", "melody")):
    """Tracks whose latents are a function of chord, drum code and note, and a little noise."""
    (root / "tracks").mkdir(parents=True)
    rate = {"codec": codec.fingerprint(), "frame_rate": codec.frame_rate}
    signatures = {
        "latents": {"version": 1, "latent_dim": codec.latent_dim, **rate},
        "chords": {"version": 1},
        "drums": {"version": 1, **rate},
        "melody": {"version": 1, "frame_rate": codec.frame_rate},
    }
    generator = torch.Generator().manual_seed(5)
    look = {name: torch.randn(195, codec.latent_dim, generator=generator) for name in signatures}
    tracks = []
    for k in range(count):
        generator = torch.Generator().manual_seed(k)
        names = torch.tensor([CHORD_INDEX[name] for name in ("C", "Am", "F", "G")]).roll(k)
        onsets = torch.arange(4, dtype=torch.float64) * (frames / codec.frame_rate / 4)
        chord_at = names.repeat_interleave(-(-frames // 4))[:frames]
        codes = torch.randint(0, 64, (-(-frames // 10),), generator=generator)
        codes = codes.repeat_interleave(10)[:frames]
        rows = torch.randint(-1, 53, (-(-frames // 20),), generator=generator)
        rows = rows.repeat_interleave(20)[:frames]
        latents = look["chords"][chord_at] + look["drums"][codes] + look["melody"][rows]
        latents += 0.1 * torch.randn(frames, codec.latent_dim, generator=generator)
        tensors = {
            "latents": {"latents": latents.half()},
            "chords": {"chord_onsets": onsets, "chord_names": names.to(torch.int16)},
            "drums": {"drum_codes": codes.to(torch.int16)},
            "melody": {"melody": rows.to(torch.int8)},
        }
        stages = ("latents", *controls)
        id = hashlib.sha256(bytes([k])).hexdigest()
        made = {name: tensor for stage in stages for name, tensor in tensors[stage].items()}
        write_track(root, id, frames / codec.frame_rate, {s: signatures[s] for s in stages}, made)
        fields = {"text": f"song number {k}", "genre": "pop", "bpm": 90 + k}
        tracks.append(make_track(read_header(root / track_file(id)), f"{k}.wav", fields))
    write_index(root, tracks)
    return root


class Watch(Callback):
    """Keeps what each step saw, and acts after a step."""

    def __init__(self, after=None):
        self.sample_ids, self.losses, self.dropped = [], [], []
        self.after = after

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.sample_ids.append(batch.sample_ids)
        self.losses.append(float(outputs["loss"]))
        self.dropped.append({name: where.tolist() for name, where in batch.dropped.items()})
        if self.after:
            self.after(trainer.global_step)


def fit(folder, songs, *, steps, model=None, watch=None, every=100, resume=False, **options):
    """A run as `jasco-train` makes it; returns its trainer, module and what was watched."""
    watch = watch or Watch()
    data_options = {"batch_size": 4, "val_share": 0.0, "val_clips": 4}
    data_options |= options.pop("data", {})
    optim = options.pop("optim", Optimization(lr=3e-3, warmup=3))
    module = options.pop("module", None)
    text = TextDropout(merge=0.5)
    last = folder / "checkpoints" / "last.ckpt"
    settings = {
        "max_steps": steps,
        "accelerator": "cpu",
        "devices": 1,
        "precision": "bf16-mixed",
        "gradient_clip_val": 1.0,
        "limit_val_batches": 0,
        "val_check_interval": 1000,
        "check_val_every_n_epoch": None,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
        "enable_model_summary": False,
        "enable_progress_bar": False,
        "logger": False,
        "log_every_n_steps": 5,
    } | options
    checkpoints = Checkpoints(folder / "checkpoints", every=every, **settings.pop("keep", {}))
    trainer = Trainer(
        callbacks=[EMA(0.9, 2), checkpoints, watch, *settings.pop("callbacks", [])],
        plugins=[AtomicCheckpointIO()],
        default_root_dir=folder,
        **settings,
    )
    module = module or JascoModule(model or new_model(), optim=optim, seed=3)
    data = JascoDataModule(songs, text, seed=7, **data_options)
    module.configure_data(data)
    trainer.fit(module, datamodule=data, ckpt_path=last if resume and last.exists() else None)
    return trainer, module, watch


def load(folder, name="last.ckpt"):
    """Checkpoint of a run."""
    return torch.load(folder / "checkpoints" / name, weights_only=True)


def same(a, b, path=""):
    """Places in which two nested structures of tensors and plain values differ, bit by bit."""
    if isinstance(a, dict):
        keys = [f"{path} {key}" for key in a.keys() ^ b.keys()]
        return keys + [
            d for key in a.keys() & b.keys() for d in same(a[key], b[key], f"{path}.{key}")
        ]
    if isinstance(a, list):
        return [
            d for i, (x, y) in enumerate(zip(a, b, strict=True)) for d in same(x, y, f"{path}.{i}")
        ]
    equal = torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b
    return [] if equal else [path]


STATE = ("state_dict", "current_model_state", "averaging_state", "optimizer_states")
STATE += ("lr_schedulers", "JascoDataModule", "global_step")


def differences(one, other):
    """Places where two checkpoints differ."""
    return [d for key in STATE for d in same(one[key], other[key], key)]


def ranks(count):
    """Environments of ``count`` processes that train together, as torchrun sets them."""
    shared = {
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "GROUP_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(20000 + os.getpid() % 20000),
        "TORCHELASTIC_RUN_ID": "test",
    }
    return [shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]


def in_child(function, *args, environment=None):
    """Start a function in a forked process, which costs no imports; returns the process."""

    def run():
        os.environ.update(environment or {})
        try:
            function(*args)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    return process
