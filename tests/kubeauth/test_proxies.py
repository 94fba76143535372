"""Which proxy leads where, by the variables that are handed in."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.utils import get_environ_proxies

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


NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy")
HOSTS = ("login.example", "example", "a.login.example", "10.1.2.3", "localhost")
LISTS = st.lists(st.sampled_from([*HOSTS, ".example", "10.1.0.0/16", "ple", " "])).map(",".join)


@given(
    environ=st.dictionaries(
        st.sampled_from([*NAMES, *map(str.upper, NAMES), "REQUEST_METHOD", "PATH"]),
        st.sampled_from(["", PROXY, OTHER]) | LISTS,
        # Here requests would go on to NO_PROXY; for every other variable, empty means unset.
    ).filter(lambda environ: environ.get("no_proxy") != ""),
    host=st.sampled_from(HOSTS),
    port=st.sampled_from(["", ":443"]),
)
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
    assert find_proxies(url, environ) == expected
