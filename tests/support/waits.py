"""Waits of the host for a pretended device in generation and in training, as JSON on stdout."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pretended
import runs
import torch
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import nn

from jasco import AB2, Conditions, Euler, Jasco
from jasco.audio import Audio
from jasco.codec import EnCodec
from jasco.controls import control_names
from jasco.data.clips import ClipBatch
from jasco.training.clipping import clip_to_norm, gradient_norm
from jasco.training.codec.discriminator import MultiScaleSTFTDiscriminator
from jasco.training.codec.module import CodecModule
from jasco.training.codec.waveforms import ADVERSARIAL, RECONSTRUCTION
from jasco.training.flow.module import JascoModule

FRAMES = 25


def clips() -> list[Conditions]:
    """Two clips, one of all controls."""
    beat = Audio(0.1 * torch.randn(1, 16000, generator=torch.Generator().manual_seed(0)), 32000)
    roll = torch.zeros(53, FRAMES)
    roll[20] = 1
    return [Conditions("warm", "C:0 Am:0.2", drums=beat, melody=roll), Conditions("cold and slow")]


def counted(run: Callable[[], Any]) -> dict[str, int]:
    with pretended.waits() as found:
        run()
    return dict(found)


def generation(model: Jasco) -> dict[str, dict[str, int]]:
    """Waits of the codec and of `generate` for two numbers of steps."""
    wav = pretended.Held(torch.zeros(1, 1, 16000))
    latents = pretended.Held(torch.zeros(1, FRAMES, model.codec.latent_dim))
    options: dict[str, Any] = {"duration": FRAMES / 50, "seed": [1, 2], "guidance": "all=2,text=1"}
    with torch.no_grad():
        return {
            "encode": counted(lambda: model.codec.encode(wav)),
            "decode": counted(lambda: model.codec.decode(latents)),
            "euler 1": counted(lambda: model.generate(clips(), solver=Euler(1), **options)),
            "ab2 5": counted(lambda: model.generate(clips(), solver=AB2(5, shift=3), **options)),
            **{
                f"interval {steps}": counted(
                    lambda steps=steps: model.generate(
                        clips(), steps=steps, **options | {"guidance": "all=2,start=0.1,end=0.7"}
                    )
                )
                for steps in (1, 5)
            },
        }


def training(model: Jasco) -> dict[str, int]:
    """Waits of a training step: copies, loss, gradients and their clipping."""
    module = nn.Module.to(JascoModule(model.train()), pretended.FAKE)
    conditions = tuple(model.with_codes(clip, FRAMES) for clip in clips())
    noise = torch.randn(2, FRAMES, model.codec.latent_dim)
    batch = ClipBatch(
        sample_ids=(0, 1),
        conditions=conditions,
        dropped={name: torch.tensor([False, True]) for name in control_names()},
        mask=torch.arange(FRAMES)[None] < torch.tensor([[FRAMES], [FRAMES - 5]]),
        latents=torch.randn_like(noise),
        audio=None,
        t=torch.rand(2),
        noise=noise,
    )

    def step() -> None:
        moved = batch.to(pretended.FAKE, non_blocking=True)
        module.training_step(moved, 0).backward()
        strategy: Any = SingleDeviceStrategy("cpu")
        norm, _ = gradient_norm(module.parameters(), strategy)
        clip_to_norm(module.parameters(), norm, 1.0)

    return counted(step)


def codec_training(codec: EnCodec) -> dict[str, int]:
    """Waits of a training step of the codec with a discriminator."""
    weights = dict.fromkeys((*RECONSTRUCTION, *ADVERSARIAL), 1.0)
    discriminator = MultiScaleSTFTDiscriminator(filters=2, n_ffts=(256, 128))
    made = CodecModule(codec, weights, {"n_ffts": (512, 128)}, discriminator)
    module = nn.Module.to(made, pretended.FAKE)
    wav = torch.randn(2, 1, 7680)

    def step() -> None:
        objective, losses = module.objective(wav.to(pretended.FAKE, non_blocking=True))
        module._total(losses)
        objective.backward()
        strategy: Any = SingleDeviceStrategy("cpu")
        for part in (module.model, module.discriminator):
            norm, _ = gradient_norm(part.parameters(), strategy)
            clip_to_norm(part.parameters(), norm, 1.0)

    return counted(step)


def main() -> None:
    model = nn.Module.to(runs.new_model().eval(), pretended.FAKE)
    found = generation(model) | {"training": training(model)}
    print(json.dumps(found | {"codec training": codec_training(runs.new_model().codec)}))


if __name__ == "__main__":
    main()
