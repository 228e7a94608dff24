"""Methods of a model that load, weigh, merge and unload adapters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from jasco import checkpoint
from jasco.adapters.adapter import Adapter, base_hash
from jasco.adapters.reading import read_adapter
from jasco.checkpoint import HubOptions
from jasco.checkpoint.building import build_conditioner
from jasco.conditioners import Conditioner
from jasco.controls import control_names
from jasco.errors import CheckpointError, SettingError
from jasco.io.plain import is_number
from jasco.io.torch_files import misfits
from jasco.network import VelocityNetwork


class AdaptedModel(Protocol):
    """Attributes of a `jasco.model.Jasco` that adapters read and change."""

    loaded: LoadedAdapters
    conditioners: nn.ModuleDict
    network: VelocityNetwork
    config: dict[str, Any]
    name_or_path: str | None
    revision: str | None
    training: bool

    @property
    def device(self) -> torch.device: ...

    @property
    def controls(self) -> tuple[str, ...]: ...

    def state_dict(self) -> dict[str, Tensor]: ...

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]: ...


class LoadedAdapters:
    """Adapters of a model, and the weights that they change as they were before.

    Attributes:
        adapters: adapter by name, in order.
        scales: weight of each.
        originals: parameters of the base that are replaced, by name.
        tensors: weights of the base in float32 by name, where the model keeps others.
    """

    def __init__(self) -> None:
        self.adapters: dict[str, Adapter] = {}
        self.scales: dict[str, float] = {}
        self.originals: dict[str, nn.Parameter] = {}
        self.tensors: Mapping[str, Tensor] | None = None
        self.hash: str | None = None


class AdapterMethods:
    """Adapters of a `jasco.model.Jasco`.

    The updates of all adapters, each times its weight, are added to the weights of the model in
    float32, so that generation costs the same as without. The weights before are kept, and
    unloading puts them back bit by bit.
    """

    loaded: LoadedAdapters

    def load_adapter(
        self,
        name_or_path: str | Path | Adapter,
        *,
        scale: float = 1.0,
        adapter_name: str | None = None,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
    ) -> str:
        """Load an adapter beside those that are loaded; their updates add up.

        Args:
            name_or_path: folder of an adapter or of the run that trained it, or Hub id.
            scale: weight of its update.
            adapter_name: name for `set_adapters`; by default that of the folder or repository.
            revision, cache_dir, local_files_only, token: options of the Hub, see
                `jasco.io.hub.HubOptions`.

        Returns:
            Its name.

        Raises:
            CheckpointError: there is no such adapter, or it belongs to another model.
            SettingError: a name that is loaded already, or a scale that is no number.
        """
        model = cast(AdaptedModel, self)
        hub = HubOptions(revision, cache_dir, local_files_only, token)
        adapter = (
            name_or_path
            if isinstance(name_or_path, Adapter)
            else read_adapter(name_or_path, hub, adapter_name)
        )
        name, loaded = adapter.name, self.loaded
        if name in loaded.adapters:
            raise SettingError(f"an adapter {name} is loaded: give adapter_name= for another")
        _check_scale(name, scale)
        _check_fit(model, adapter, hub)
        _add_controls(model, adapter)
        loaded.adapters[name], loaded.scales[name] = adapter, scale
        _apply(model)
        return name

    def set_adapters(
        self, names: str | Sequence[str], weights: float | Sequence[float] = 1.0
    ) -> None:
        """Use the named adapters with these weights; other loaded ones have the weight 0.

        Raises:
            SettingError: a name that is not loaded, or another number of weights.
        """
        names = [names] if isinstance(names, str) else list(names)
        each = [weights] * len(names) if isinstance(weights, int | float) else list(weights)
        if len(each) != len(names):
            raise SettingError(f"{len(each)} weights for {len(names)} adapters: give one for each")
        for name, weight in zip(names, each, strict=True):
            self._require_loaded(name)
            _check_scale(name, weight)
        self.loaded.scales = dict.fromkeys(self.loaded.adapters, 0.0) | dict(
            zip(names, each, strict=True)
        )
        _apply(cast(AdaptedModel, self))

    def unload_adapter(self, name: str | None = None) -> None:
        """Remove an adapter, or all; without any the weights are those of the base, bit by bit.

        Raises:
            SettingError: a name that is not loaded.
        """
        if name is not None:
            self._require_loaded(name)
        model = cast(AdaptedModel, self)
        for one in [name] if name is not None else list(self.loaded.adapters):
            for control in self.loaded.adapters[one].config.new:
                del model.conditioners[control]
            del self.loaded.adapters[one], self.loaded.scales[one]
        _apply(model)

    def merge_adapter(self) -> None:
        """Make the loaded adapters part of the model, which then has no name of its own.

        `jasco.Jasco.save_pretrained` writes the merged model.

        Raises:
            SettingError: no adapter is loaded.
        """
        model, loaded = cast(AdaptedModel, self), self.loaded
        if not loaded.adapters:
            raise SettingError("no adapter is loaded: model.load_adapter(NAME) loads one")
        nodes = model.config.get("model", {})
        new = {name: node for a in loaded.adapters.values() for name, node in a.config.new.items()}
        conditioners = {**nodes.get("conditioners", {}), **new}
        order = [name for name in control_names() if name in conditioners]
        source = dict(model.config.get("source") or {})
        if "id" not in source and model.name_or_path and model.revision:
            source |= {"id": model.name_or_path, "revision": model.revision}
        source["adapters"] = self.adapter_facts()
        model.config = model.config | {
            "model": {**nodes, "conditioners": {name: conditioners[name] for name in order}},
            "source": source,
        }
        model.name_or_path = model.revision = None
        self.loaded = LoadedAdapters()

    @property
    def active_adapters(self) -> dict[str, float]:
        """Weight of each adapter in use, by name."""
        return {name: scale for name, scale in self.loaded.scales.items() if scale}

    def adapter_facts(self) -> list[dict[str, Any]]:
        """Name, origin, hash and weight of each adapter in use, for recipes."""
        return [
            {
                "name": name,
                "source": adapter.source,
                "revision": adapter.revision,
                "hash": adapter.hash,
                "scale": self.loaded.scales[name],
            }
            for name, adapter in self.loaded.adapters.items()
            if self.loaded.scales[name]
        ]

    def _require_loaded(self, name: str) -> None:
        if name not in self.loaded.adapters:
            known = ", ".join(self.loaded.adapters) or "none"
            raise SettingError(f"no adapter {name!r:.60} is loaded: {known}")


def _check_scale(name: str, scale: Any) -> None:
    if not is_number(scale) or abs(scale) > 100:
        raise SettingError(f"adapter {name}: its weight is {scale!r:.60}; give -100 to 100")


def _check_fit(model: AdaptedModel, adapter: Adapter, hub: HubOptions) -> None:
    """Refuse an adapter of another base, control list or shape."""
    config = adapter.config
    added = [control for control in config.new if control in model.conditioners]
    own = [control for control in model.controls if not _is_added(model, control)]
    if list(config.controls) != [c for c in control_names() if c in {*own, *config.new}]:
        lacking = [c for c in config.controls if c not in {*own, *config.new}]
        reason = f"lacks {', '.join(lacking)}" if lacking else f"has {', '.join(own)}"
        raise CheckpointError(
            f"the adapter {adapter.name} is for a model of {', '.join(config.controls)}, and this "
            f"one {reason}: load {config.base['id'] or 'its own base'}"
        )
    if added:
        raise CheckpointError(f"the adapter {adapter.name} adds {added[0]}, which is there already")
    weights = _base(model, hub)
    model.loaded.hash = model.loaded.hash or base_hash(weights)
    if config.base["hash"] != model.loaded.hash:
        raise CheckpointError(
            f"the adapter {adapter.name} belongs to {config.base['id'] or 'another model'} "
            f"(weights {config.base['hash']}), and this is {model.name_or_path or 'another model'} "
            f"(weights {model.loaded.hash}): load that model, or train an adapter of this one"
        )
    layers = dict(model.named_modules())
    unknown = [name for name in config.targets if not isinstance(layers.get(name), nn.Linear)]
    if unknown:
        raise CheckpointError(
            f"the adapter {adapter.name} updates {unknown[0]!r:.80}, no linear layer of the model"
        )
    shapes = config.shapes({name: _linear(layers, name).weight.shape for name in config.targets})
    updates = {
        name: tensor
        for name, tensor in adapter.tensors.items()
        if ".lora_" in name or not name.startswith(config.new_prefixes)
    }
    # Surplus and missing tensors are errors: peft ignores both.
    wanted = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    problems = misfits(updates, wanted)
    if problems:
        raise CheckpointError(
            f"the tensors of the adapter {adapter.name} do not fit; {'; '.join(problems)}"
        )


def _is_added(model: AdaptedModel, control: str) -> bool:
    return any(control in adapter.config.new for adapter in model.loaded.adapters.values())


def _linear(layers: Mapping[str, nn.Module], name: str) -> nn.Linear:
    return cast(nn.Linear, layers[name])


def _base(model: AdaptedModel, hub: HubOptions) -> Mapping[str, Tensor]:
    """Weights of the base in float32, by name.

    A model with weights in bfloat16 reads them again: a small update would be lost in bfloat16.
    """
    loaded = model.loaded
    if loaded.tensors is not None:
        return loaded.tensors
    if model.network.output.weight.dtype != torch.float32:
        if model.name_or_path is None:
            raise SettingError("weights in bfloat16 take no adapter: load the model in float32")
        found = checkpoint.read(model.name_or_path, hub.at(model.revision))
        loaded.tensors = found.tensors
        return found.tensors
    state = {name: tensor for name, tensor in model.state_dict().items()}
    for name in list(state):
        control = name.split(".")[1]
        if name.startswith("conditioners.") and _is_added(model, control):
            del state[name]
    return state | loaded.originals


def _add_controls(model: AdaptedModel, adapter: Adapter) -> None:
    """Build the conditioners of the controls that an adapter adds, with the adapter's weights."""
    network, source = model.config.get("model", {}).get("network", {}), f"adapter {adapter.name}"
    conditioners: dict[str, nn.Module] = dict(model.conditioners)
    for control, node in adapter.config.new.items():
        tensors = adapter.own(control)
        with checkpoint.uninitialized():
            with torch.device("meta"):  # sizes are checked before memory is allocated
                sketch = build_conditioner(node, network, control)
            if not isinstance(sketch, Conditioner):
                raise CheckpointError(f"{control} of the {source} is no conditioner")
            if problems := misfits(tensors, sketch.state_dict()):
                raise CheckpointError(f"{control} of the {source}: {'; '.join(problems)}")
            made = build_conditioner(node, network, control)
        checkpoint.assign(made, tensors, provided_by_parts=(), source=source)
        conditioners[control] = made.to(model.device)
    ordered = {name: conditioners[name] for name in control_names() if name in conditioners}
    model.conditioners = nn.ModuleDict(ordered).train(model.training)


@torch.no_grad()
def _apply(model: AdaptedModel) -> None:
    """Set the weights to those of the base and the weighted updates of all adapters."""
    loaded = model.loaded
    active = [(a, loaded.scales[n]) for n, a in loaded.adapters.items() if loaded.scales[n]]
    layers = dict(model.named_modules())
    targets = {layer for adapter, _ in active for layer in adapter.config.targets}
    for name in [n for n in loaded.originals if n.removesuffix(".weight") not in targets]:
        layer = _linear(layers, name.removesuffix(".weight"))
        layer.weight = _moved(loaded.originals.pop(name), layer.weight.device)
    for target in sorted(targets):
        layer, name = _linear(layers, target), f"{target}.weight"
        original = loaded.originals.setdefault(name, cast(nn.Parameter, layer.weight))
        # Conditioners stay in float32, and parts such as a text encoder have files of their own.
        kept = (loaded.tensors or {}).get(name, original)
        base = kept.detach().to(layer.weight.device, torch.float32)
        weight = base.clone()
        for adapter, scale in active:
            if target in adapter.config.targets:
                weight += scale * adapter.delta(target, base)
        layer.weight = nn.Parameter(weight.to(original.dtype), original.requires_grad)
    for name, adapter in loaded.adapters.items():
        for control in adapter.config.new:
            # Trained from zero, where the control has no effect.
            project = cast(Any, model.conditioners[control]).project
            own = adapter.own(control)
            for key in ("weight", "bias"):
                if f"project.{key}" in own:
                    getattr(project, key).copy_(loaded.scales[name] * own[f"project.{key}"])


def _moved(parameter: nn.Parameter, device: torch.device) -> nn.Parameter:
    if parameter.device == device:
        return parameter
    return nn.Parameter(parameter.detach().to(device), parameter.requires_grad)
