"""C2PA manifests with a certificate of the user's own, read again by c2pa-python."""

from __future__ import annotations

import datetime
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from jasco import Jasco
from jasco.audio import read_mark, read_recipe, save_audio
from jasco.audio.credentials import Credential, read_manifest
from jasco.audio.marks import EDITED, GENERATED, VOCABULARY
from jasco.cli import doctor, generate
from jasco.errors import AudioError, MissingPartError, SettingError

pytest.importorskip("c2pa", reason="c2pa-python is not installed")
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

RATE = 32000
NOISE = torch.rand(1, RATE, generator=torch.Generator().manual_seed(0)) - 0.5
DAY = datetime.timedelta(days=1)


def certificate(name: str, key, issuer: str, issuer_key, *, of_authority: bool):
    now = datetime.datetime.now(datetime.UTC)
    signs = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
         "encipher_only", "decipher_only"), False,
    )  # fmt: skip
    usage = x509.KeyUsage(True, key_cert_sign=of_authority, crl_sign=of_authority, **signs)
    subject, by = (
        x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, text)]) for text in (name, issuer)
    )
    built = x509.CertificateBuilder(by, subject, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(now - DAY).not_valid_after(now + DAY)
    built = built.add_extension(x509.BasicConstraints(of_authority, None), True)
    built = built.add_extension(usage, True)
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    built = built.add_extension(authority, False)
    own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    built = built.add_extension(own, False)
    if not of_authority:
        mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        built = built.add_extension(mail, False)
    return built.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def private(key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def write(folder: Path, key) -> tuple[Path, Path]:
    """Files of a chain for the key, and of the key."""
    authority = ec.generate_private_key(ec.SECP256R1())
    chain = certificate("A Studio", key, "Authority", authority, of_authority=False)
    chain += certificate("Authority", authority, "Authority", authority, of_authority=True)
    (folder / "chain.pem").write_bytes(chain)
    (folder / "key.pem").write_bytes(private(key))
    return folder / "chain.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write(tmp_path_factory.mktemp("studio"), ec.generate_private_key(ec.SECP256R1()))


def save(path: Path, **options) -> Path:
    return save_audio(path, NOISE, RATE, loudness=None, **options)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3"])
def test_a_signed_file_sounds_the_same_and_keeps_its_tags(
    tmp_path: Path, pair: tuple[Path, Path], suffix: str
) -> None:
    options = {"recipe": {"seed": 7}, "tags": {"BPM": "96"}}
    plain = save(tmp_path / f"plain.{suffix}", **options)
    path = save(tmp_path / f"a.{suffix}", credential=Credential.load(*pair), **options)
    assert np.array_equal(soundfile.read(path)[0], soundfile.read(plain)[0])
    assert read_recipe(path) == {"seed": 7} and read_mark(path) == read_mark(plain)
    found = read_manifest(path)
    assert found == {
        "signer": "A Studio",
        "state": "Valid",
        "problems": ["signingCredential.untrusted"],
        "digital_source_types": [VOCABULARY + GENERATED],
    }
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1  # among the samples
    assert read_manifest(plain) is None
    (tmp_path / f"b.{suffix}").write_bytes(data)
    changed = read_manifest(tmp_path / f"b.{suffix}")
    assert changed["state"] == "Invalid" and "assertion.dataHash.mismatch" in changed["problems"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: ed25519.Ed25519PrivateKey.generate(),
        lambda: rsa.generate_private_key(65537, 2048),
    ],
    ids=["P-384", "Ed25519", "RSA"],
)
def test_keys_of_every_kind_sign(tmp_path: Path, make) -> None:
    credential = Credential.load(*write(tmp_path, make()))
    path = save(tmp_path / "a.wav", credential=credential, mark=EDITED)
    assert read_manifest(path)["state"] == "Valid"
    assert read_manifest(path)["digital_source_types"] == [VOCABULARY + EDITED]
    assert "PRIVATE" not in repr(credential)


def test_what_cannot_be_signed_is_one_line(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    credential = Credential.load(*pair)
    with pytest.raises(AudioError, match=r"a\.ogg: OGG holds no C2PA manifest"):
        save(tmp_path / "a.ogg", credential=credential)
    with pytest.raises(SettingError, match="goes with a mark"):
        save(tmp_path / "a.wav", credential=credential, mark=False)
    key = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "other.pem").write_bytes(private(key))
    with pytest.raises(AudioError, match="not the key of the first certificate"):
        Credential.load(pair[0], tmp_path / "other.pem")
    with pytest.raises(AudioError, match="as PEM") as caught:
        Credential.load(pair[1], pair[1])
    assert "\n" not in str(caught.value)
    with pytest.raises(AudioError, match=r"gone\.pem"):
        Credential.load(tmp_path / "gone.pem", pair[1])
    authority = certificate("Me", key, "Me", key, of_authority=True)
    (tmp_path / "authority.pem").write_bytes(authority)
    with pytest.raises(AudioError, match=r"signed with .*authority\.pem: ") as caught:
        Credential.load(tmp_path / "authority.pem", tmp_path / "other.pem")
    assert "\n" not in str(caught.value)


def test_a_file_object_is_signed(pair: tuple[Path, Path], tmp_path: Path) -> None:
    buffer = io.BytesIO()
    credential = Credential.load(*pair)
    save_audio(buffer, NOISE, RATE, format="wav", loudness=None, credential=credential)
    (tmp_path / "a.wav").write_bytes(buffer.getvalue())
    assert read_manifest(tmp_path / "a.wav")["state"] == "Valid"
    assert read_mark(tmp_path / "a.wav")[0] == GENERATED


def test_the_doctor_names_the_signer(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path / "a.flac", credential=Credential.load(*pair))
    assert doctor.main(["--mark", str(path)]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert "C2PA manifest of A Studio (Valid, signingCredential.untrusted)" in line
    assert line.endswith(GENERATED)


def test_without_the_package_the_extra_is_named(
    pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.wav", credential=Credential.load(*pair))
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    with pytest.raises(MissingPartError, match=r"pip install 'jasco\[c2pa\]'"):
        Credential.load(*pair)
    assert read_manifest(path) is None


def test_a_signed_take_and_session(
    pair: tuple[Path, Path], tiny: Jasco, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = tiny.save_pretrained(tmp_path / "model")
    words = ["a", "--model", str(model), "--device", "cpu", "--steps", "1", "--duration", "1"]
    words += ["--seed", "1", "--c2pa", str(pair[0]), "--c2pa-key", str(pair[1])]
    assert generate.main([*words, "-o", "a.mp3", "--session", "s"]) == 0
    for path in ("a.mp3", "s/audio/mix.wav"):
        assert read_manifest(path)["state"] == "Valid" and read_recipe(path)["seed"] == 1
    out = tiny.generate("a", seed=1, steps=1, duration=1.0)
    (path,) = out.save("b.flac", credential=Credential.load(*pair), recipe=False)
    assert read_manifest(path)["state"] == "Valid" and read_mark(path)[0] == GENERATED
