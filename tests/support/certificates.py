"""Certificates made for a test, from an unknown issuer, for a name and a time."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def server_context(folder: Path, name: str, first: int = -1, last: int = 1) -> ssl.SSLContext:
    """Make a server's context whose certificate is for ``name``; ``first`` and ``last`` are its days, 0 for today.

    The issuer's certificate is written to ``issuer.pem`` in the folder.
    """
    now = datetime.datetime.now(datetime.UTC)
    issuer, issuer_key = _make("An issuer", None, now - 400 * DAY, now + 400 * DAY)
    made, key = _make(name, (issuer, issuer_key), now + first * DAY, now + last * DAY)
    (folder / "issuer.pem").write_bytes(issuer.public_bytes(serialization.Encoding.PEM))
    chain = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


Issuer = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _make(name: str, by: Issuer | None, first: datetime.datetime, last: datetime.datetime) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (own, key) if by is None else (by[0].subject, by[1])
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(last)
        .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if by is None:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    else:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(signer, hashes.SHA256()), key
