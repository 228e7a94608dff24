"""CUDA graphs of the guided velocity.

A solver step on a few clips launches several hundred kernels, which takes the host longer than the
GPU needs to run them. A graph records them once for a shape and launches them with one call.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

from jasco.conditions import ConditionBatch, Encoded
from jasco.network.guided import GuidedVelocity

MAX_GRAPHS = 4
"""Graphs that are kept, of the shapes used last."""

MAX_FRAMES = 16_384
"""Most frames of all items and terms of a graph; on more, the GPU is slower than the host."""

TOKEN_BLOCK = 16
"""Token sequences are padded to a multiple of this length, so that texts share graphs."""


class VelocityGraphs:
    """Recorded guided velocities of one network, by shape.

    Copies start without graphs, which belong to the memory they were recorded on.

    Args:
        enabled: record graphs on CUDA devices. Off by default: their arithmetic is tested on CPUs,
            but none has been recorded on a GPU yet.
    """

    def __init__(self, enabled: bool = False) -> None:
        self.enabled = enabled
        self._graphs: OrderedDict[Hashable, _Graph] = OrderedDict()
        self._weights: tuple[int, ...] = ()
        self._lowered: dict[torch.dtype, dict[str, Tensor]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type[VelocityGraphs], tuple[bool]]:
        return VelocityGraphs, (self.enabled,)

    @contextmanager
    def recorded(
        self, field: GuidedVelocity, z: Tensor, dtype: torch.dtype
    ) -> Iterator[GuidedVelocity | _Graph]:
        """The field as a CUDA graph, for as long as the context lasts.

        The field itself where graphs are not enabled or would not be faster: on other devices, in
        large batches, or while another thread uses the graphs.

        Args:
            field: guided velocity.
            z: latents (B, T, D) of the shape to integrate.
            dtype: format of matrix products.
        """
        frames = len(field.items) * z.shape[1]
        usable = self.enabled and z.device.type == "cuda" and frames <= MAX_FRAMES
        if not usable or not self._lock.acquire(blocking=False):
            yield field
            return
        try:
            with torch.cuda.device(z.device):
                yield self._graph(field, z, dtype)
        finally:
            self._lock.release()

    def _graph(self, field: GuidedVelocity, z: Tensor, dtype: torch.dtype) -> _Graph:
        weights = tuple(p.data_ptr() for p in field.network.parameters())
        if weights != self._weights:
            self._graphs.clear()
            self._lowered.clear()
            self._weights = weights
        lowered = self._lowered.setdefault(dtype, {})
        lower_weights(field.network, dtype, lowered)
        field = field.with_conditions(pad_tokens(field.conditions))
        shapes = tuple((n, e.values.shape) for n, e in field.conditions.controls.items())
        key = (dtype, z.shape, field.weights.shape, shapes)
        graph = self._graphs.pop(key, None)
        if graph is None:
            graph = _Graph(field, z, dtype, lowered)
        else:
            graph.load(field)
        self._graphs[key] = graph
        if len(self._graphs) > MAX_GRAPHS:
            self._graphs.popitem(last=False)
        return graph


class _Graph:
    """A recorded guided velocity with static tensors of its input and output."""

    def __init__(
        self,
        field: GuidedVelocity,
        z: Tensor,
        dtype: torch.dtype,
        lowered: dict[str, Tensor],
    ) -> None:
        self.z, self.t = z.clone(), z.new_zeros(())
        conditions = ConditionBatch(
            {
                name: Encoded(e.values.clone(), e.null, None if e.mask is None else e.mask.clone())
                for name, e in field.conditions.controls.items()
            }
        )
        plan = (own.clone() for own in (field.items, field.rows, field.weights))
        self.field = static = GuidedVelocity(field.network, conditions, *plan)
        stream = torch.cuda.Stream(z.device)
        stream.wait_stream(torch.cuda.current_stream(z.device))
        with torch.cuda.stream(stream):
            for _ in range(2):  # libraries set themselves up, which a graph cannot record
                run_lowered(static, self.t, self.z, dtype, lowered)
        torch.cuda.current_stream(z.device).wait_stream(stream)
        self.graph = torch.cuda.CUDAGraph()
        # Other threads may pin memory meanwhile, as data loaders do.
        with torch.cuda.graph(self.graph, stream=stream, capture_error_mode="thread_local"):
            self.velocity = run_lowered(static, self.t, self.z, dtype, lowered)

    def load(self, field: GuidedVelocity) -> None:
        """Put the conditions and terms of a field of the same shapes in place."""
        for name in ("items", "rows", "weights"):
            getattr(self.field, name).copy_(getattr(field, name))
        for name, encoded in field.conditions.controls.items():
            own = self.field.conditions.controls[name]
            own.values.copy_(encoded.values)
            if own.mask is not None and encoded.mask is not None:
                own.mask.copy_(encoded.mask)

    def __call__(self, t: Tensor, z: Tensor) -> Tensor:
        self.t.copy_(t)
        self.z.copy_(z)
        self.graph.replay()
        return self.velocity.clone()  # multistep solvers keep it beyond the next replay


def pad_tokens(conditions: ConditionBatch) -> ConditionBatch:
    """Conditions whose token sequences are padded, masked, to a multiple of `TOKEN_BLOCK`."""
    controls = dict(conditions.controls)
    for name, e in controls.items():
        if e.mask is not None:
            missing = -e.mask.shape[1] % TOKEN_BLOCK
            values = nn.functional.pad(e.values, (0, 0, 0, missing))
            controls[name] = Encoded(values, e.null, nn.functional.pad(e.mask, (0, missing)))
    return ConditionBatch(controls)


def lower_weights(network: nn.Module, dtype: torch.dtype, lowered: dict[str, Tensor]) -> None:
    """Copies of the weights of linear layers in ``dtype``, as autocast makes them in every call.

    Args:
        network: network of float32 weights.
        dtype: of the copies; in float32 none are needed.
        lowered: copies by name, which are made or brought up to date.
    """
    if dtype == torch.float32:
        return
    sources = {
        f"{name}.{own}": parameter.detach()
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear)
        for own, parameter in layer.named_parameters(recurse=False)
    }
    for name, source in sources.items():
        if name not in lowered:
            lowered[name] = torch.empty_like(source, dtype=dtype)
    torch._foreach_copy_([lowered[name] for name in sources], list(sources.values()))


def run_lowered(
    field: GuidedVelocity,
    t: Tensor,
    z: Tensor,
    dtype: torch.dtype,
    lowered: dict[str, Tensor],
) -> Tensor:
    """Guided velocity with the weights of `lower_weights` in place of the network's own."""
    kind, low = z.device.type, dtype != torch.float32
    with torch.no_grad(), torch.autocast(kind, dtype, enabled=low, cache_enabled=False):
        velocities = functional_call(field.network, lowered, (z[field.items], t, field.conditions))
        return field.combine(velocities)
