"""Foreign text that is shown: no secret, token or control character of it comes out."""

from __future__ import annotations

import base64
import json
import unicodedata
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeauth.sanitize import plain_id, sanitized

PART = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9"
TOKENS = {
    "a JWT": f"{PART}.{PART}.{PART}",
    "an encrypted JWT": f"{PART}.{PART}.{PART}.{PART}.{PART}",
    "a v1 refresh token": "0.ARoAv4j5cvGGr0GRqy180BHbR1QnF3x9abc-_.AgABAwEAAADW6jl31mB3T7",
    "a v2 refresh token": "1.AXkAv4j5cvGGr0GRqy180BHbR1QnF3x9abc",
    "a personal account's token": "M.C507_BAY.0.U.-Cg!yVn*8hJtRk3Zs9xQ2wLp7Mf$",
    "a personal account's code": "M.R3_BAY.c3f1a2b4-5d6e-7f80-91a2-b3c4d5e6f708",
    "a GitHub token": "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD1fG3hJ5",
    "a GitHub app's token": "ghs_" + "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD1fG3hJ5",
    "a GitHub user's token": "gho_" + "aB3dE5gH7jK9mN1pQ3sT5vX7zA9cD1fG3hJ5",
    "a fine-grained GitHub token": "github_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "an Azure DevOps token": "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst",
    "a client secret of Entra ID": "Xq38Q~aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
}
# Each of them, with the part that must not come out.
HOLDERS = {
    **{name: (token, token) for name, token in TOKENS.items()},
    "a SAS": ("https://x.blob.example/c?sv=2024&sig=aB%2F3dE5g%3D&se=1", "aB%2F3dE5g"),
    "a code in an address": ("http://localhost:1/?code=s3cr3tcode&state=1", "s3cr3tcode"),
    "a password in an address": ("no route to http://dana:pa55word@proxy:3128/", "pa55word"),
    "a token as user": ("clone https://ghtoken@github.example/x failed", "ghtoken"),
    "an @ in a password": ("http://dana:p@55word@proxy:3128 failed", "55word"),
}
SECRET = 'Grün+s3cr3t/"x y"&z='


def written(secret: str) -> dict[str, str]:
    raw = secret.encode()
    return {
        "raw": secret,
        "as a path": quote(raw),
        "in a URL": quote(raw, safe=""),
        "in a URL, lower case": quote(raw, safe="").lower(),
        "in a form": quote_plus(raw),
        "in JSON": json.dumps(secret),
        "in JSON, Unicode as it is": json.dumps(secret, ensure_ascii=False),
        "in base64": base64.b64encode(raw).decode(),
        "in base64url": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "in upper case": secret.upper().replace("Ü", "ü"),
        "with blanks at its ends": f" {secret}\n",
    }


@pytest.mark.parametrize("around", ["{}", "bad token '{}'.", 'said: "{}", sorry', "x={}", "({})"])
@pytest.mark.parametrize("what", HOLDERS)
def test_what_looks_like_a_token_is_gone(what: str, around: str) -> None:
    text, kept_out = HOLDERS[what]
    shown = sanitized(around.format(text))
    assert kept_out not in shown
    assert "…" in shown


@pytest.mark.parametrize("form", written(""))
def test_a_secret_is_gone_however_it_is_written(form: str) -> None:
    text = written(SECRET)[form].strip()
    shown = sanitized(f"AADSTS7000215: Invalid client secret {text} was given", [SECRET])
    assert text not in shown
    assert "s3cr3t" not in shown.lower()
    assert shown.replace('"', "").startswith("AADSTS7000215: Invalid client secret …")


@pytest.mark.parametrize("secret", ["", "a", "e", "is", "  e  ", "\n"])
def test_a_secret_of_few_letters_eats_no_words(secret: str) -> None:
    assert sanitized("There is an error here", [secret]) == "There is an error here"


@pytest.mark.parametrize(
    "text",
    [
        "AADSTS700016: Application with identifier '5b0c7a52-7a4b-4a3e-9c55-0f9c1e7f6f11' was not "
        "found in the directory 'contoso.onmicrosoft.example'",
        "look at https://login.microsoftonline.com/error?code=50076",
        "mail dana@contoso.example, or see https://contoso.example/@dana",
        "code=1 exit",
        "certificate CN=login.microsoftonline.com, OU=Azure",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    expected = text.replace("code=50076", "code=…")
    assert sanitized(text) == expected


@given(st.text(max_size=2000), st.lists(st.text(max_size=20), max_size=3))
def test_no_control_character_comes_out(text: str, secrets: list[str]) -> None:
    shown = sanitized("\x1b]0;title\x07\u202e\u200b\x9b31m" + text, secrets)
    assert len(shown) <= 300
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in shown)


@pytest.mark.parametrize(
    "unit", ["a", "a.", "://", "://a@", "@", "sig=", "M.a", "~", "0.A", "\x1b"]
)
def test_a_long_text_takes_no_time_without_end(unit: str) -> None:
    assert len(sanitized(unit * 100_000)) <= 300


@pytest.mark.parametrize(
    "value",
    ["\x1b[31m", "a b", "x" * 65, TOKENS["a JWT"], TOKENS["a v1 refresh token"], None, 7, [], "é"],
)
def test_what_is_no_id_is_not_shown(value: object) -> None:
    assert plain_id(value) == ""


@pytest.mark.parametrize(
    "value", ["invalid_client", "0f3c2a8e-1111-4222-8333-444455556666", "AADSTS50076", "a"]
)
def test_an_id_is_shown(value: str) -> None:
    assert plain_id(value) == value
