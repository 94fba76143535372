"""The way to Entra ID: proxy, name, connection, certificate, and this machine's clock."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from kubeauth.adapters.http import open_session
from kubeauth.adapters.proxies import find_proxies
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.adapters.unreachable import ca_places, unreachable
from kubeauth.errors import KubeauthError
from kubeauth.options.check import authority_of
from kubeauth.system import System
from kubeauth_plugin.aks.azure_profile import read_azure_profile
from kubeauth_plugin.doctor.finding import REQUEST_LIMIT, Finding, Scene, from_error, set_clock

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from kubeauth.adapters.answer import Answer
    from kubeauth.options.settings import Settings

__all__ = ["check", "clock_finding", "presented_certificate"]

# Entra ID and API servers tolerate five minutes.
_SKEW: Final = 300.0


def check(scene: Scene) -> Iterator[Finding]:
    """Ask the authority for its public description, as every client does first."""
    target = scene.target
    if target is None or target.settings.login == "msi":
        return
    settings = target.settings
    # With a setting that is wrong already, the tenant may be no part of an address.
    tenant = "" if scene.blocked else settings.tenant_id
    try:
        authority = authority_of(settings, target.environ)
        url = f"{authority.rstrip('/')}/{tenant or 'organizations'}"
        url += "/v2.0/.well-known/openid-configuration"
        proxies = find_proxies(url, target.environ)
        session = open_session(
            environ=target.environ,
            ca_file=settings.ca_file,
            limit=REQUEST_LIMIT,
            connect_limit=REQUEST_LIMIT / 2,
        )
    except KubeauthError as error:
        yield from_error("network", error)
        return
    try:
        answer = session.get(url)
    except RequestFailed as failure:
        away = unreachable("Entra ID", failure, ca_places(target.environ))
        signed = _signer(url) if failure.kind == "tls" else ""
        useless = _useless_proxy(url, target.environ) if failure.kind == "proxy" else ""
        line = f"unset {useless}" if useless else away.hint
        yield Finding("network", str(away) + signed, line)
        return
    finally:
        session.close()
    how = " through a proxy" if proxies else _signer(url)
    scene.seen.append(("Entra ID", f"{urlsplit(url).hostname} answers{how}"))
    yield from _answered(scene, settings, url, answer)


def _answered(scene: Scene, settings: Settings, url: str, answer: Answer) -> Iterator[Finding]:
    host = urlsplit(url).hostname
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict) and answer.status_code >= 500:
        problem = f"{host} fails (HTTP {answer.status_code}), or a proxy on the way to it does"
        yield Finding("network", problem, f"sleep 60 && {scene.command_line('doctor')}")
        return
    if not isinstance(content, dict):
        problem = f"something else answers for {host} (HTTP {answer.status_code}): a captive portal"
        line = "open any page in a browser and sign in to the network, or set HTTPS_PROXY"
        yield Finding("network", f"{problem} or a proxy", line)
        return
    scene.authority_answered = True
    if "AADSTS90002" in str(content.get("error_description")):
        line = scene.change("tenant_id", _other_tenant(scene, settings))
        yield Finding("Entra ID", f"there is no tenant {settings.tenant_id!r} here", line)
    yield from clock_finding(scene, str(answer.headers.get("date", "")), System().now())


def _useless_proxy(url: str, environ: Mapping[str, str]) -> str:
    """Return the variable of a proxy without which the host can be reached; "" if it is needed."""
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname or "", place.port or 443), 2).close()
    except OSError:
        return ""
    names = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    return next((name for name in names if environ.get(name)), "")


def _other_tenant(scene: Scene, settings: Settings) -> str:
    """Return the tenant of the Azure CLI's account, if that is another one."""
    known = read_azure_profile(scene.environ).tenant_id
    return known if known and known != settings.tenant_id else "TENANT-ID"


def clock_finding(scene: Scene, date: str, now: float) -> Iterator[Finding]:
    """Compare this machine's time (epoch seconds) with an answer's Date (RFC 9110 6.6.1)."""
    try:
        off = now - parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return
    if abs(off) > _SKEW:
        scene.clock_is_off = True
        way = "ahead" if off > 0 else "behind"
        problem = f"this machine's clock is {abs(off) / 60:.0f} minutes {way}"
        yield Finding("clock", problem, set_clock())


def presented_certificate(url: str) -> Certificate | None:
    """Return the certificate that is shown at ``url``, unchecked; None if there is none."""
    from cryptography import x509

    place = urlsplit(url)
    try:
        pem = ssl.get_server_certificate(
            (place.hostname or "", place.port or 443), timeout=REQUEST_LIMIT / 2
        )
        return x509.load_pem_x509_certificate(pem.encode())
    except (OSError, ValueError):
        return None


def _signer(url: str) -> str:
    """Return whose signature the certificate at ``url`` has; "" if that cannot be seen."""
    found = presented_certificate(url)
    return f" (signed by {found.issuer.rfc4514_string()[:100]})" if found is not None else ""
