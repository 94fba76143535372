"""Choose the CA certificates to trust."""

from __future__ import annotations

import os
import ssl
import sys
from collections.abc import Mapping

from kubeauth import _env
from kubeauth.errors import SettingsError

__all__ = ["tls_context"]


def tls_context(ca_file: str, environ: Mapping[str, str]) -> ssl.SSLContext:
    """Return a TLS context that trusts ``ca_file``, else the variables' file, else the system.

    ``ca_file`` is a PEM file; the variables are REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and
    SSL_CERT_FILE. Raises SettingsError for unreadable certificates.
    """
    candidates = [
        ("--ca-file", ca_file),
        *((name, environ.get(name, "")) for name in _env.CA_FILES),
    ]
    source, path = next(((s, p) for s, p in candidates if p), ("", ""))
    if not path:
        return _system_context()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if os.path.isdir(path):
            context.load_verify_locations(capath=path)
        else:
            _load_file(context, path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingsError(
            f"{source}: cannot read certificates from {path} ({reason})",
            hint=f"point {source} to a file of CA certificates in PEM form",
        ) from error
    return context


def _load_file(context: ssl.SSLContext, path: str) -> None:
    """Trust the certificates in a PEM file; raises OSError (as ssl.SSLError is) and ValueError."""
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        from kubeauth.files import read_text

        # OpenSSL does not read UTF-16, which Windows PowerShell's ``>`` writes.
        context.load_verify_locations(cadata=read_text(path))


def _system_context() -> ssl.SSLContext:
    """Return a context that trusts the operating system's certificates.

    On Linux, OpenSSL finds them in a file. Import truststore, which is slow, only on other systems
    or without that file.
    """
    if sys.platform == "linux" and ssl.get_default_verify_paths().cafile:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_default_verify_paths()
        return context
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
