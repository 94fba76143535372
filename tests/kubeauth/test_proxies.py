"""Which proxy leads where, by the variables that are handed in."""

from __future__ import annotations

import os
from typing import Any

import pytest
from harness import not_on_windows
from hypothesis import given
from hypothesis import strategies as st
from requests.utils import get_environ_proxies

from kubeauth import SettingsError
from kubeauth.adapters.proxies import find_proxies

ENTRA = "https://login.microsoftonline.com/contoso/oauth2/v2.0/token"
PROXY, OTHER = "http://proxy.example:3128", "http://other.example:3128"


@pytest.mark.parametrize(
    ("environ", "proxies"),
    [
        ({}, {}),
        ({"HTTPS_PROXY": PROXY}, {"https": PROXY}),
        ({"https_proxy": PROXY}, {"https": PROXY}),
        ({"https_proxy": PROXY, "HTTPS_PROXY": OTHER}, {"https": PROXY}),
        ({"https_proxy": "", "HTTPS_PROXY": OTHER}, {}),
        ({"HTTPS_PROXY": ""}, {}),
        ({"ALL_PROXY": PROXY}, {"all": PROXY}),
        ({"all_proxy": PROXY, "HTTP_PROXY": OTHER}, {"all": PROXY, "http": OTHER}),
        # A visitor of a web server must not choose the proxy of its programs.
        ({"HTTP_PROXY": PROXY, "REQUEST_METHOD": "GET"}, {}),
        ({"http_proxy": PROXY, "REQUEST_METHOD": "GET"}, {"http": PROXY}),
    ],
)
def test_a_variable_names_the_proxy(environ: dict[str, str], proxies: dict[str, str]) -> None:
    assert find_proxies(ENTRA, environ) == proxies


@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    ("url", "listed", "direct"),
    [
        (ENTRA, "*", True),
        (ENTRA, "login.microsoftonline.com", True),
        (ENTRA, " localhost , Login.MicrosoftOnline.com ", True),
        (ENTRA, "microsoftonline.com", True),
        (ENTRA, ".microsoftonline.com", True),
        (ENTRA, "online.com", False),
        (ENTRA, "login.microsoftonline.com:443", False),
        ("https://login.example:443/token", "login.example:443", True),
        ("https://login.example:443/token", "login.example:444", False),
        ("https://login.example:443/token", "example:443", True),
        ("http://10.1.2.3/token", "10.1.2.3", True),
        ("http://10.1.2.3/token", "10.1.0.0/16", True),
        ("http://10.2.2.3/token", "10.1.0.0/16", False),
        ("http://10.1.2.3/token", "2.3", False),
        (ENTRA, ", ,", False),
        (ENTRA, "", False),
    ],
)
def test_a_list_names_the_hosts_that_need_none(
    variable: str, url: str, listed: str, direct: bool
) -> None:
    everywhere = {"ALL_PROXY": PROXY, variable: listed}
    assert find_proxies(url, everywhere) == ({} if direct else {"all": PROXY})


NAMES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
HOSTS = ("login.example", "example", "a.login.example", "10.1.2.3", "localhost")
LISTS = st.lists(st.sampled_from([*HOSTS, ".example", "10.1.0.0/16", "ple", " "])).map(",".join)


def variables(names: tuple[str, ...], values: st.SearchStrategy[str]) -> dict[str, Any]:
    return dict.fromkeys([*names, *map(str.upper, names)], values)


@given(
    environ=st.fixed_dictionaries(
        {},
        optional=variables(NAMES, st.sampled_from(["", PROXY, OTHER, "proxy.example:3128"]))
        | variables(("no_proxy",), LISTS)
        | {"REQUEST_METHOD": st.just("GET"), "PATH": st.just("/bin")},
        # Here requests would go on to NO_PROXY; for every other variable, empty means unset.
    ).filter(lambda environ: environ.get("no_proxy") != ""),
    host=st.sampled_from(HOSTS),
    port=st.sampled_from(["", ":443"]),
)
@not_on_windows("requests asks the system's settings there, too")
def test_the_rules_are_those_of_requests(environ: dict[str, str], host: str, port: str) -> None:
    url = f"https://{host}{port}/token"
    with pytest.MonkeyPatch.context() as process:
        for name in {*os.environ, *environ}:
            if name.lower().endswith("_proxy") or name == "REQUEST_METHOD":
                process.delenv(name, raising=False)
        for name, value in environ.items():
            process.setenv(name, value)
        expected = get_environ_proxies(url)
    expected.pop("no", None)
    assert with_schemes(find_proxies(url, environ)) == with_schemes(expected)


def with_schemes(proxies: dict[str, str]) -> dict[str, str]:
    """Return addresses as urllib3 reads them; requests fails with some that have no scheme."""
    return {name: url if "://" in url else f"http://{url}" for name, url in proxies.items()}


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "All_Proxy"])
@pytest.mark.parametrize(
    "value",
    [
        "true:false",
        "http://",
        "http://:3128",
        "http://proxy:port",
        "http://proxy:99999",
        "http://proxy.example:3128 http://other:3128",
        "ftp://proxy.example",
        "http:/proxy.example",
        "https;//u:s3cret@proxy",
        "[::1",
        " ",
    ],
)
def test_what_is_no_address_is_an_error_that_names_the_variable(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        find_proxies("https://login.example/token", {name: value, "HTTP_PROXY": "also?bad:x"})
    assert "s3cret" not in str(caught.value) + caught.value.hint
    # It says nothing where this variable decides nothing.
    assert find_proxies("https://login.example/", {name: value, "NO_PROXY": ".example"}) == {}


@pytest.mark.parametrize("value", ["proxy.example:3128", "localhost:3128", "10.0.0.1:80", "proxy"])
def test_an_address_without_a_scheme_is_that_of_an_http_proxy(value: str) -> None:
    found = find_proxies("https://login.example/", {"https_proxy": value})
    assert found == {"https": f"http://{value}"}


def test_a_socks_proxy_looks_up_names_itself() -> None:
    found = find_proxies("https://login.example/", {"ALL_PROXY": "socks5://u:p@127.0.0.1:1080"})
    assert found == {"all": "socks5h://u:p@127.0.0.1:1080"}
