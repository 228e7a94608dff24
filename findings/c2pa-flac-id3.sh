#!/usr/bin/env bash
# c2pa-python 0.38.1 and audio: a signed FLAC file begins with an ID3v2.4 tag, and mp3 tags change version.
#
# Guess: a manifest in FLAC is a metadata block (APPLICATION) of the stream, whose first bytes stay
# "fLaC" as RFC 9639 wants; in mp3 it is one frame more in the tag that is there; and Ogg, whose Vorbis
# comments hold any text, is signed too.
#
# Behaviour: FLAC gets an ID3v2.4 tag with a GEOB frame before "fLaC" (the stream behind it is unchanged);
# an ID3v2.3 tag of an mp3 comes back as v2.4; Ogg is refused as unsupported, and is not among
# Builder.get_supported_mime_types(). A self-signed certificate of an end entity signs, and the result
# is "Valid" with "signingCredential.untrusted".
#
# Seen: flac b'ID3\x04' with the stream unchanged behind it; mp3 b'ID3\x03' -> b'ID3\x04'; ogg NotSupported;
# state Valid, ['signingCredential.untrusted'].
#
# Jasco: jasco/audio/credentials.py signs wav, flac and mp3, says so of Ogg, and documents the tag.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    c2pa-python==0.38.1 cryptography==50.0.2 soundfile==0.13.1 numpy==2.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import datetime
import io
import sys

import c2pa
import numpy as np
import soundfile
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Me")])
now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
public = key.public_key()
usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
built = x509.CertificateBuilder(name, name, public, 1, now - day, now + day)
built = built.add_extension(x509.BasicConstraints(False, None), True).add_extension(usage, True)
for more in (
    x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]),
    x509.SubjectKeyIdentifier.from_public_key(public),
    x509.AuthorityKeyIdentifier.from_issuer_public_key(public),
):
    built = built.add_extension(more, False)
pem = serialization.Encoding.PEM
chain = built.sign(key, hashes.SHA256()).public_bytes(pem)
secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def file(form, subtype):
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(8000), 8000, format=form, subtype=subtype)
    return buffer.getvalue()


def tagged(data):
    frame = b"TIT2" + (5).to_bytes(4, "big") + b"\0\0\0song"
    return b"ID3\3\0\0" + bytes((0, 0, 0, len(frame))) + frame + data


def sign(data, mime):
    info = c2pa.C2paSignerInfo(b"es256", chain, secret, None)
    manifest = {"assertions": [{"label": "c2pa.actions", "data": {"actions": [
        {"action": "c2pa.created", "digitalSourceType":
         "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"}]}}]}
    made = io.BytesIO()
    with c2pa.Signer.from_info(info) as signer, c2pa.Builder(manifest) as builder:
        builder.sign(signer, mime, io.BytesIO(data), made)
    return made.getvalue()


flac, mp3, ogg = file("FLAC", "PCM_16"), tagged(file("MP3", "MPEG_LAYER_III")), file("OGG", "VORBIS")
signed = sign(flac, "audio/flac")
same = signed.endswith(flac)
print("flac", signed[:4], "stream unchanged behind it:", same)
version = sign(mp3, "audio/mpeg")[:4]
print("mp3", mp3[:4], "->", version)
try:
    sign(ogg, "audio/ogg")
    refused = False
except c2pa.C2paError as error:
    refused = True
    print("ogg", error)
with c2pa.Reader.try_create("audio/flac", io.BytesIO(signed)) as reader:
    state = reader.get_validation_state()
print("state", state)
right = signed[:4] == b"ID3\4" and same and version == b"ID3\4" and refused and state == "Valid"
sys.exit(not right)
PYTHON
