"""Models out of configurations and tensors; only classes of Jasco are made."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from jasco.errors import CheckpointError, SettingError
from jasco.flow import Guidance, Solver


def build(node: Mapping[str, Any]) -> Any:
    """Instantiate a configuration node, if everything it names is ours.

    Only classes defined in ``jasco`` that are modules, solvers or guidance are built, so a
    configuration from outside runs no other code.

    Raises:
        CheckpointError: a ``_target_`` is anything else.
        SettingError: a class does not take the values it is given.
    """
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    for target in _targets(node):
        _checked(target)
    try:
        return instantiate(dict(node), _convert_="all")
    except InstantiationException as error:
        cause = error.__cause__
        if isinstance(cause, (CheckpointError, SettingError)):
            raise cause from None
        raise SettingError(f"{node.get('_target_')} cannot be built: {cause or error}") from error


def _targets(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key == "_target_":
                yield value
            elif isinstance(key, str) and key.startswith("_"):
                raise CheckpointError(f"the configuration has a key {key!r}, which is not allowed")
            else:
                yield from _targets(value)
    elif isinstance(node, (list, tuple)):
        for child in node:
            yield from _targets(child)


def _checked(target: Any) -> None:
    """Refuse a target that is not a class of ours."""
    module, _, name = str(target).rpartition(".")
    found = None
    if module.split(".")[0] == "jasco" and all(part.isidentifier() for part in module.split(".")):
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError:
            found = None
    if not (
        isinstance(found, type)
        and found.__module__.split(".")[0] == "jasco"
        and issubclass(found, (nn.Module, Solver, Guidance))
    ):
        raise CheckpointError(
            f"the configuration names {target!r}: only modules, solvers and guidance of Jasco are "
            "built, nothing else is run"
        )


def assign(
    model: nn.Module, tensors: Mapping[str, Tensor], *, elsewhere: Sequence[str], source: str
) -> None:
    """Copy tensors into the model; all must fit.

    Args:
        model: of freshly built weights.
        tensors: by their names in the model.
        elsewhere: prefixes of the model's tensors that need not be among them.
        source: where they came from, for messages.

    Raises:
        CheckpointError: tensors are missing, left over or of another shape, by name.
    """
    own = model.state_dict()
    missing = [k for k in own if k not in tensors and not k.startswith(tuple(elsewhere))]
    extra = [k for k in tensors if k not in own]
    shapes = [
        f"{k} {tuple(tensors[k].shape)} instead of {tuple(own[k].shape)}"
        for k in tensors
        if k in own and tensors[k].shape != own[k].shape
    ]
    problems = [
        f"{what}: {', '.join(names[:5])}{' and more' if len(names) > 5 else ''}"
        for what, names in (("missing", missing), ("left over", extra), ("wrong shape", shapes))
        if names
    ]
    if problems:
        raise CheckpointError(
            f"the tensors of {source} do not fit its model; {'; '.join(problems)}"
        )
    model.load_state_dict(dict(tensors), strict=False)
