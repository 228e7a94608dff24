"""Fingerprints: short hashes of tensors that identify the weights a result depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from torch import Tensor


def fingerprint(tensors: Iterable[Tensor], *facts: object) -> str:
    """Hash of the shapes and values of tensors, in their order, and of further values.

    Args:
        tensors: tensors on any device; their names are not part of the hash.
        facts: plain values whose ``repr`` is part of the hash.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(repr(facts).encode())
    for tensor in tensors:
        digest.update(repr(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
