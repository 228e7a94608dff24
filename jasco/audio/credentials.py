"""C2PA manifests: statements about a file, signed with the certificate of the user.

c2pa-python (MIT or Apache 2.0) writes them into wav (chunk ``C2PA``), flac and mp3 (ID3v2.4 frame
``GEOB``, for flac before the stream), and into no Ogg. Samples, chunks and tags stay as they are
(measured with version 0.38.1). The network is never used: there is no time stamp, and the trust of
a certificate is left to the reader.
"""

from __future__ import annotations

import io
import json
import os
import wave
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jasco.audio.marks import GENERATED, VOCABULARY
from jasco.errors import AudioError, MissingPartError, SettingError
from jasco.io.files import regular_file

TYPES = {"WAV": "audio/wav", "FLAC": "audio/flac", "MP3": "audio/mpeg"}
"""Formats that hold manifests, and their media types."""
_OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}
_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}


@dataclass(frozen=True)
class Credential:
    """Certificate chain and private key of the user.

    Attributes:
        chain: certificates (PEM), that of the signer first.
        key: private key (PEM) without a password.
        algorithm: signature algorithm of C2PA that fits the key.
        name: file of the chain, for messages.
    """

    chain: bytes
    key: bytes = field(repr=False)
    algorithm: str
    name: str = "the certificate"

    @classmethod
    def load(cls, chain: str | os.PathLike[str], key: str | os.PathLike[str]) -> Credential:
        """Credential of two files.

        Raises:
            AudioError: a file that cannot be read or is no PEM, a key of another certificate, or a
                certificate that is not made for C2PA, with which a second of silence is signed.
            MissingPartError: c2pa-python is not installed.
        """
        _c2pa()
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificates

        texts = []
        for path in (chain, key):
            try:
                texts.append(regular_file(path, AudioError).read_bytes())
            except OSError as error:
                raise AudioError(f"cannot read {path}: {error.strerror}") from error
        try:
            (signer, *_), place = load_pem_x509_certificates(texts[0]), key
            private: Any = load_pem_private_key(texts[1], password=None)
        except (ValueError, TypeError) as error:
            raise AudioError(
                f"{chain} and {key}: give the certificates and the private key, without a "
                f"password, as PEM ({str(error).splitlines()[0]:.80})"
            ) from error
        if private.public_key() != signer.public_key():
            raise AudioError(f"{place} is not the key of the first certificate in {chain}")
        algorithm = None
        if isinstance(private, ec.EllipticCurvePrivateKey):
            algorithm = _CURVES.get(private.curve.name)
        elif isinstance(private, ed25519.Ed25519PrivateKey):
            algorithm = "ed25519"
        elif isinstance(private, rsa.RSAPrivateKey):
            algorithm = "ps256"
        if algorithm is None:
            raise AudioError(f"{place} has no kind that C2PA knows: give EC, Ed25519 or RSA")
        found = cls(texts[0], texts[1], algorithm, os.fspath(chain))
        signed(_silence(), "WAV", GENERATED, "silence", found)
        return found


def check_signable(form: str, name: str, mark: str | None) -> None:
    """Refuse a format that holds no manifest, and audio that is not to be marked.

    Raises:
        AudioError: the format.
        SettingError: no mark.
    """
    if form not in TYPES:
        raise AudioError(
            f"cannot sign {name}: {form} holds no C2PA manifest; give a file .wav, .flac or .mp3"
        )
    if mark is None:
        raise SettingError("a C2PA manifest states that audio is generated: it goes with a mark")


def signed(content: bytes, form: str, mark: str, title: str, credential: Credential) -> bytes:
    """File with a manifest that states its digital source type.

    Args:
        content: whole file.
        form: one of `TYPES`.
        mark: digital source type.
        title: name of the file.
        credential: certificate and key of the user.

    Raises:
        AudioError: a certificate that is not made for C2PA.
        MissingPartError: c2pa-python is not installed.
    """
    c2pa = _c2pa()
    agent = {"name": "Jasco", "version": version("jasco")}
    action = {"action": "c2pa.created", "softwareAgent": agent}
    actions = {"actions": [action | {"digitalSourceType": VOCABULARY + mark}]}
    manifest = {
        "title": title,
        "claim_generator_info": [agent],
        "assertions": [{"label": "c2pa.actions", "data": actions}],
    }
    made = io.BytesIO()
    try:
        info = c2pa.C2paSignerInfo(
            alg=credential.algorithm.encode(),
            sign_cert=credential.chain,
            private_key=credential.key,
            ta_url=None,
        )
        context = c2pa.Context(c2pa.Settings.from_dict(_OFFLINE))
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(manifest, context) as builder:
            builder.sign(signer, TYPES[form], io.BytesIO(content), made)
    except c2pa.C2paError as error:
        reason = " ".join(str(error).split())
        raise AudioError(
            f"{title} cannot be signed with {credential.name}: {reason}; C2PA wants a chain whose "
            "first certificate is for digital signatures and e-mail or document signing, and is "
            "issued by another one"
        ) from error
    return made.getvalue()


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """Manifest of a file: ``signer``, ``state``, ``problems`` and ``digital_source_types``.

    ``None`` without a manifest, or without c2pa-python. A state ``Valid`` means that the file is as
    it was signed; whether its signer is trusted is not looked up.
    """
    try:
        c2pa = _c2pa()
    except MissingPartError:
        return None
    suffix = Path(path).suffix.lower().lstrip(".")
    try:
        context = c2pa.Context(c2pa.Settings.from_dict(_OFFLINE))
        with open(path, "rb") as file:
            reader = c2pa.Reader.try_create(TYPES.get(suffix.upper(), suffix), file, None, context)
            found = None if reader is None else json.loads(reader.json())
    except (c2pa.C2paError, OSError):  # another format
        return None
    if found is None:
        return None
    active = found["manifests"][found["active_manifest"]]
    actions = [
        action
        for assertion in active.get("assertions", [])
        if assertion.get("label", "").startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    types = [action["digitalSourceType"] for action in actions if "digitalSourceType" in action]
    return {
        "signer": active.get("signature_info", {}).get("issuer"),
        "state": found.get("validation_state"),
        "problems": [status["code"] for status in found.get("validation_status", [])],
        "digital_source_types": types,
    }


def _silence() -> bytes:
    """A wav file to try a certificate with."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000))
    return buffer.getvalue()


def _c2pa() -> Any:
    try:
        import c2pa
    except ImportError as error:
        raise MissingPartError(
            "C2PA manifests need c2pa-python: pip install 'jasco[c2pa]'"
        ) from error
    return c2pa
