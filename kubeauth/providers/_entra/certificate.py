"""Read a certificate with its key from files, and sign assertions with it.

Raise an error for what Entra ID would refuse later (a wrong password, the key of another
certificate, an expired certificate) before sending a request.
"""

from __future__ import annotations

import json
import re
import uuid
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    load_der_private_key,
    load_pem_private_key,
    pkcs12,
)

from kubeauth.errors import SettingsError
from kubeauth.files import encoding_of, read_bytes
from kubeauth.jwt import base64url
from kubeauth.options.settings import Settings

__all__ = ["SigningCertificate", "load_certificate"]

_PASSWORD_HINT: Final = (
    "give its password with --client-certificate-password or "  # noqa: S105
    "AZURE_CLIENT_CERTIFICATE_PASSWORD"
)
# What cryptography raises for a certificate that it cannot read.
_DAMAGED: Final = (ValueError, TypeError, x509.InvalidVersion)
_FORMAT_HINT: Final = "give a PEM file with certificate and key, or a PFX (PKCS#12) file"
_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
# "Certificate credentials" in Microsoft's documentation: an assertion lives ten minutes at most.
_LIFETIME: Final = 600


@dataclass(frozen=True, slots=True)
class SigningCertificate:
    """A certificate of an application, with its key; ``chain`` begins with the certificate."""

    key: rsa.RSAPrivateKey = field(repr=False)
    chain: tuple[x509.Certificate, ...] = field(repr=False)

    def assertion(self, client_id: str, token_endpoint: str, now: float, *, adfs: bool) -> str:
        """Return a signed assertion that proves the client's identity (RFC 7523 3).

        Its header has the certificate's SHA-256 thumbprint and the whole chain, which registrations
        by subject name and issuer need. AD FS accepts only the older form.
        """
        leaf = self.chain[0]
        thumbprint = hashes.SHA1() if adfs else hashes.SHA256()  # noqa: S303  # what x5t is
        header = {
            "alg": "RS256" if adfs else "PS256",
            "typ": "JWT",
            "x5t" if adfs else "x5t#S256": base64url(leaf.fingerprint(thumbprint)),
            "x5c": [b64encode(c.public_bytes(Encoding.DER)).decode() for c in self.chain],
        }
        payload = {
            "aud": token_endpoint,
            "iss": client_id,
            "sub": client_id,
            "jti": str(uuid.uuid4()),
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + _LIFETIME,
        }
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header, payload))
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
        scheme = padding.PKCS1v15() if adfs else pss
        return f"{signed}.{base64url(self.key.sign(signed.encode(), scheme, hashes.SHA256()))}"


def load_certificate(settings: Settings, now: float) -> SigningCertificate:
    """Read the certificate that ``settings`` name, valid at ``now`` (epoch seconds).

    The content of the file decides between PEM and PKCS#12. Raises SettingsError that names the
    file and its fault.
    """
    path, key_path = settings.client_certificate, settings.client_certificate_key
    password = settings.client_certificate_password
    content = _read(path, "client-certificate")
    if key_path:
        key = _only_key(_read(key_path, "client-certificate-key"), key_path, password)
        certificates = _all_certificates(content, path, password)
    elif b"-----BEGIN " in content:
        certificates, key = _pem_certificates(content, path), _pem_key(content, path, password)
    else:
        certificates, key = _pkcs12(content, path, password)
    if key is None:
        raise _unusable(
            path, "holds no private key", "name the key's file with --client-certificate-key"
        )
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _unusable(
            key_path or path,
            f"holds a key of another kind than RSA ({type(key).__name__.removeprefix('_')})",
            "make an RSA key with a certificate for it: Entra ID accepts no other kind",
        )
    try:
        chain = tuple(_chain(key.public_key(), certificates, now))
    except _DAMAGED as error:  # cryptography reads the parts of a certificate when they are used
        raise _unusable(path, "holds a certificate that is damaged", _FORMAT_HINT) from error
    if not chain:
        raise _unusable(
            path,
            f"holds no certificate for the key in {key_path}"
            if key_path
            else "holds a key that belongs to none of its certificates",
            "give the certificate and the key that were made together",
        )
    _check_time(chain[0], path, now)
    return SigningCertificate(key, chain)


def _only_key(content: bytes, path: str, password: str) -> Any:
    """Return the private key in a file."""
    if b"-----BEGIN " in content:
        key = _pem_key(content, path, password)
    else:
        key = _der_key(content) or _pkcs12(content, path, password)[1]
    if key is None:
        raise _unusable(path, "holds no private key", "give the file that has it, in PEM form")
    return key


def _all_certificates(content: bytes, path: str, password: str) -> list[x509.Certificate]:
    """Return the certificates in a file."""
    if b"-----BEGIN " in content:
        return _pem_certificates(content, path)
    try:
        return [x509.load_der_x509_certificate(content)]
    except _DAMAGED:
        return _pkcs12(content, path, password)[0]


def _read(path: str, flag: str) -> bytes:
    """Return a file's content; PEM in UTF-16, as Windows PowerShell's ``>`` writes it, in UTF-8."""
    try:
        content = read_bytes(path)
        mark, encoding = encoding_of(content)
        if encoding == "utf-8":
            return content
        return content[mark:].decode(encoding, "replace").encode()
    except OSError as error:
        reason = error.strerror
        raise SettingsError(
            f"{flag}: cannot read {path} ({reason})", hint=f"name a file with --{flag}"
        ) from error


def _pem_certificates(content: bytes, path: str) -> list[x509.Certificate]:
    blocks = [match[0] for match in _BLOCK.finditer(content) if match[1].endswith(b"CERTIFICATE")]
    if not blocks:
        raise _unusable(path, "holds no certificate", _FORMAT_HINT)
    try:
        return [x509.load_pem_x509_certificate(block) for block in blocks]
    except _DAMAGED as error:
        raise _unusable(path, "holds a certificate that is damaged", _FORMAT_HINT) from error


def _pem_key(content: bytes, path: str, password: str) -> Any:
    """Read the first private key: PKCS#8 (RFC 5958), PKCS#1 or SEC 1, encrypted or not."""
    blocks = (match for match in _BLOCK.finditer(content) if match[1].endswith(b"PRIVATE KEY"))
    block = next(blocks, None)
    if block is None:
        return None
    encrypted = b"ENCRYPTED" in block[0][:120]
    if encrypted and not password:
        raise _unusable(path, "holds a key that is encrypted", _PASSWORD_HINT)
    try:
        # An unnecessary password may come from a variable that is always set.
        return load_pem_private_key(block[0], password.encode() if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if encrypted and not isinstance(error, UnsupportedAlgorithm):
            raise _unusable(
                path, "cannot be decrypted with the password given", _PASSWORD_HINT
            ) from error
        raise _unusable(path, "holds a key that cannot be read", _FORMAT_HINT) from error


def _der_key(content: bytes) -> Any:
    """Return an unencrypted private key in DER form; None for other content."""
    try:
        return load_der_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _pkcs12(content: bytes, path: str, password: str) -> tuple[list[x509.Certificate], Any]:
    """Read a PKCS#12 file (RFC 7292); try it without the password, too."""
    if not content.startswith(b"\x30"):
        raise _unusable(path, "is neither PEM nor PKCS#12", _FORMAT_HINT)
    failure: Exception | None = None
    for attempt in dict.fromkeys((password.encode() or None, None, b"")):
        try:
            key, leaf, others = pkcs12.load_key_and_certificates(content, attempt)
        except UnsupportedAlgorithm as error:
            raise _unusable(
                path,
                "is encrypted in a way that is not supported here",
                "export it again, with AES",
            ) from error
        except _DAMAGED as error:
            failure = error
        else:
            return [c for c in (leaf, *others) if c is not None], key
    if password:
        raise _unusable(
            path, "cannot be decrypted with the password given", _PASSWORD_HINT
        ) from failure
    raise _unusable(path, "is encrypted, or no PKCS#12 file", _PASSWORD_HINT) from failure


def _chain(
    key: rsa.RSAPublicKey, certificates: Sequence[x509.Certificate], now: float
) -> Iterator[x509.Certificate]:
    """Return the key's certificate, then its issuers, as far as the file has them.

    If the file has several certificates for the key, as after a renewal, choose the newest that is
    valid.
    """
    rest, moment = list(certificates), datetime.fromtimestamp(now, timezone.utc)
    current = max(
        (c for c in rest if _key_of(c) == key),
        key=lambda c: (
            c.not_valid_before_utc <= moment <= c.not_valid_after_utc,
            c.not_valid_after_utc,
        ),
        default=None,
    )
    while current is not None:
        yield current
        rest.remove(current)
        current = next((c for c in rest if c.subject == current.issuer), None)


def _key_of(certificate: x509.Certificate) -> Any:
    """Return a certificate's public key, None for a kind of key that cryptography lacks."""
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def _check_time(leaf: x509.Certificate, path: str, now: float) -> None:
    moment = datetime.fromtimestamp(now, timezone.utc)
    hint = "make a new one, and register it with the application before using it"
    if leaf.not_valid_after_utc < moment:
        when = leaf.not_valid_after_utc.strftime("%Y-%m-%d")
        raise _unusable(path, f"holds a certificate that expired on {when}", hint)
    if leaf.not_valid_before_utc > moment:
        when = leaf.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ")
        raise _unusable(
            path, f"holds a certificate that is valid from {when} on", "check this machine's clock"
        )


def _unusable(path: str, what: str, hint: str) -> SettingsError:
    return SettingsError(f"client-certificate: {path} {what}", hint=hint)
