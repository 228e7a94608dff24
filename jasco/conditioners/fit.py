"""Agreement of the parts of a model on their sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jasco.codec import EnCodec
from jasco.conditioners.base import Conditioner
from jasco.control_value import MAX_DURATION
from jasco.controls import control_names
from jasco.errors import SettingError
from jasco.network import VelocityNetwork


def check_parts(
    codec: EnCodec,
    conditioners: Mapping[str, Conditioner],
    network: VelocityNetwork,
    segment_duration: float,
) -> None:
    """Refuse parts of a `jasco.model.Jasco` that do not fit each other.

    Raises:
        SettingError: an unknown control, a width of other channels, or a segment out of range.
    """
    for name in set(conditioners).difference(known := control_names()):
        raise SettingError(f"conditioners has {name!r:.40}: known are {', '.join(known)}")
    if not 0 < segment_duration <= MAX_DURATION:
        raise SettingError(f"segment_duration is {segment_duration}: give 0 to {MAX_DURATION} s")
    if network.text is not None and getattr(conditioners.get("text"), "summary", None) is None:
        raise SettingError(
            "network.adaln_text needs a pooled text: give conditioners.text.pooling_queries"
        )
    if network.guidance is not None:
        network.guidance.ranges.subsets(tuple(conditioners))
    width, channels = network.norm.normalized_shape[0], codec.latent_dim
    facts = [("network.latent_dim", network.output.out_features, channels)]
    for name, conditioner in conditioners.items():
        own: Any = conditioner
        facts.append((f"conditioners.{name}.dim", own.project.out_features, width))
        latent_dim = getattr(own, "latent_dim", channels)
        facts.append((f"conditioners.{name}.latent_dim", latent_dim, channels))
    for key, value, wanted in facts:
        if value != wanted:
            owner = "network has" if key.endswith(".dim") else "latents of the codec have"
            raise SettingError(f"{key} is {value}, and the {owner} {wanted} channels")
