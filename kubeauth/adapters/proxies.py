"""Find the proxy for a URL, from the environment variables that a caller hands in.

requests and urllib can only read the variables of the process. The rules here are theirs: a name in
lower case wins over one in upper case, and NO_PROXY lists hosts, domains, HOST:PORT, ranges of IPv4
addresses, or ``*``.
"""

from __future__ import annotations

import ipaddress
import sys
import urllib.request
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

from kubeauth.errors import SettingsError

__all__ = ["find_proxies"]

_ENDING: Final = "_proxy"
_SCHEMES: Final = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
# The functions of urllib.request that read a system's own settings: the proxies, and whether a
# host needs none.
_SYSTEM_SETTINGS: Final = {
    "darwin": ("getproxies_macosx_sysconf", "proxy_bypass_macosx_sysconf"),
    "win32": ("getproxies_registry", "proxy_bypass_registry"),
}


def find_proxies(url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxies for ``url`` by scheme ("http", "https", "all"), as requests takes them.

    The result is empty if the URL's host needs no proxy. Without a proxy variable in ``environ``,
    use the settings of macOS or Windows. Raises SettingsError if the variable for this URL does not
    hold a proxy's address.
    """
    proxies = _read_variables(environ)
    exceptions = proxies.pop("no", "")
    host, port = _host_and_port(url)
    if _goes_direct(host, port, exceptions):
        return {}
    if not proxies:
        return _read_system_settings(host)
    chosen = next((name for name in (urlsplit(url).scheme, "all") if name in proxies), "")
    if chosen:
        proxies[chosen] = _address(proxies[chosen], chosen, environ)
    return proxies


def _address(value: str, scheme: str, environ: Mapping[str, str]) -> str:
    """Return a variable's address as requests takes it; raises SettingsError.

    A SOCKS 5 proxy looks up names itself, as it does for kubectl; for requests, only "socks5h" says
    so.
    """
    kind, found, rest = value.partition("://")
    try:
        parts = urlsplit(value if found else f"http://{value}")
        valid = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        # Without a scheme, a slash stands where a mistyped "://" is meant.
        valid = valid and (bool(found) or parts.path in ("", "/"))
    except ValueError:
        valid = False
    if not valid or any(character.isspace() for character in value):
        same = (name for name in environ if name.lower() == scheme + _ENDING)
        name = max(same, key=str.islower)
        # NOTE: the value may hold a password, so the error does not show it.
        raise SettingsError(
            f"{name}: its value is not the address of a proxy",
            hint=f"write it as http://HOST:PORT or socks5://HOST:PORT, or unset {name}",
        )
    if not found:
        # requests takes the host for a scheme, unless it is an address.
        return f"http://{value}"
    return f"socks5h://{rest}" if kind.lower() == "socks5" else value


def _read_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables by name, in lower case without "_proxy"; skip empty ones."""
    found: dict[str, str] = {}
    # Names with a capital letter come first, so that one in lower case replaces them.
    for name, value in sorted(environ.items(), key=lambda item: item[0].islower()):
        if name.lower().endswith(_ENDING):
            found[name.lower().removesuffix(_ENDING)] = value
    # NOTE: in a CGI program, HTTP_PROXY is the header "Proxy:" that any visitor can send.
    if "REQUEST_METHOD" in environ and "http_proxy" not in environ:
        found.pop("http", None)
    return {scheme: value for scheme, value in found.items() if value}


def _host_and_port(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port


def _goes_direct(host: str, port: int | None, exceptions: str) -> bool:
    """Return whether ``exceptions``, a NO_PROXY list, names this host."""
    names = (name.strip().lower().lstrip(".") for name in exceptions.split(","))
    return any(_names(name, host, port) for name in names if name)


def _names(name: str, host: str, port: int | None) -> bool:
    if name in ("*", host, f"{host}:{port}"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.endswith(f".{name}") or f"{host}:{port}".endswith(f".{name}")
    try:
        return address in ipaddress.ip_network(name, strict=False)
    except ValueError:
        return False


def _read_system_settings(host: str) -> dict[str, str]:
    """Return the proxies of the system's settings for this host; {} on systems without any."""
    if sys.platform not in _SYSTEM_SETTINGS:
        return {}
    read, needs_none = _SYSTEM_SETTINGS[sys.platform]
    read_proxies: Callable[[], dict[str, str]] = getattr(urllib.request, read)
    needs_no_proxy: Callable[[str], bool] = getattr(urllib.request, needs_none)
    return {} if needs_no_proxy(host) else read_proxies()
