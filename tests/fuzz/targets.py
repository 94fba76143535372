"""The targets of the fuzzer: each takes bytes, and may fail only with the errors it declares.

Any other exception is a bug, and so is a result that breaks the target's promise.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
from base64 import b64decode, encodebytes
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kubeauth import Settings, SettingsError, SignInError
from kubeauth.adapters.answer import Answer, Headers
from kubeauth.cache.storage.checked import packed, unpacked
from kubeauth.errors import KubeconfigError
from kubeauth.jwt import claims_of, whose
from kubeauth.kubeconfig.files import Kubeconfig
from kubeauth.kubeconfig.merge import merge
from kubeauth.kubeconfig.parse import parse
from kubeauth.kubeconfig.sign_in import SignIn, sign_in_of
from kubeauth.kubeconfig.trust import demands
from kubeauth.options.check import checked
from kubeauth.options.flags import BY_NAME, value_of
from kubeauth.options.flags import parse as parse_flags
from kubeauth.options.resolve import resolve
from kubeauth.options.variables import known_variables
from kubeauth.providers._entra.certificate import load_certificate
from kubeauth.providers._entra.refusals import refusal
from kubeauth.providers._identity.answers import read_answer
from kubeauth.providers._identity.hosts import find_host
from kubeauth.sanitize import sanitized
from kubeauth.testing.entra.directory import new_id
from kubeauth_plugin.execinfo import read_exec_info
from kubeauth_plugin.kubeconfig.mask import masked

KUBECONFIG = b"""apiVersion: v1
kind: Config
current-context: prod
contexts:
- {name: prod, context: {cluster: c, user: u, namespace: x}}
clusters:
- name: c
  cluster: {server: "https://localhost:1", certificate-authority-data: QUJD}
users:
- name: u
  user: &anchor
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      command: kubelogin
      args: [get-token, --login, spn, --server-id, s, --client-id=c, -t, t, --client-secret, x]
      env:
      - {name: AZURE_CLIENT_ID, value: c}
- name: v
  user: *anchor
- name: old
  user: {auth-provider: {name: azure, config: {apiserver-id: a, client-id: b, tenant-id: c}}}
"""
FLAGS = b"\0".join(
    [
        *(b"get-token", b"--login", b"spn", b"--server-id=s", b"-t", b"t", b"--client-id", b"c"),
        *(b"--timeout", b"1m30s", b"--pop-enabled"),
    ]
)
VARIABLES = b"\0".join(f"{variable.name}=x".encode() for variable, _ in known_variables())
ANSWER = json.dumps(
    {
        "error": "invalid_client",
        "error_description": "AADSTS7000215: no. Trace ID: x\r\nTimestamp: y",
        "error_codes": [7000215],
        "access_token": "a.b.c",
        "expires_in": "3600",
        "expires_on": 2**40,
        "correlation_id": new_id(),
    }
).encode()


@dataclass(frozen=True)
class Target:
    """One target, with inputs that are right, from which wrong ones are made."""

    run: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def exec_info(data: bytes) -> None:
    try:
        read_exec_info(_text(data))
    except SettingsError:
        return


def kubeconfig(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    try:
        file = Kubeconfig(Path("config"), data, text, parse(text, "config"))
        masked(text, ())
        found = [sign_in_of(user) for user in merge([file]).users.values()]
    except KubeconfigError:
        return
    for user in found:
        try:
            if isinstance(user, SignIn):
                values = user.settings
                asked = demands(values, user.environ, {}, resolve(values, user.environ))
                assert len({demand.digest for demand in asked}) == len(asked)
        except (SettingsError, ValueError):  # what its callers expect
            continue


def record(data: bytes) -> None:
    try:
        value = unpacked(data)
    except ValueError:
        return
    assert value == {"a": [1, "b"]}, "a changed record counts as absent"


def answer(data: bytes) -> None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        error = refusal(found, "sign-in", "spn", Settings(), secrets=["s3cr3t"])
        assert isinstance(error, SignInError) and error.hint
        assert str(error).isprintable()
    response = Answer("http://x/", 200 + data[0] % 5 * 100 if data else 200, Headers([]), data)
    try:
        token, _ = read_answer(response, find_host({}), "sign-in", 1_700_000_000)
        assert token.token.isascii()
    except SignInError as error:
        assert str(error).isprintable()


def jwt(data: bytes) -> None:
    text = _text(data)
    assert isinstance(whose(text), str)
    try:
        assert isinstance(claims_of(text), dict)
    except ValueError:
        return


def certificate(data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=_MEMORY) as file:
        file.write(data)
        file.flush()
        settings = Settings(
            login="spn", client_certificate=file.name, client_certificate_password="p"
        )
        try:
            load_certificate(settings, 1_700_000_000)
        except SettingsError:
            return


def command_line(data: bytes) -> None:
    argv = [_text(word) for word in data.split(b"\0")]
    try:
        typed, _ = parse_flags(argv)
        values = {BY_NAME[n].field: value_of(BY_NAME[n], text) for n, text in typed.items()}
    except ValueError:
        return
    try:
        checked(resolve(values, {}), {})
    except SettingsError:
        return


def environment(data: bytes) -> None:
    pairs = (_text(word).partition("=") for word in data.split(b"\0"))
    environ = {name: value for name, equals, value in pairs if equals}
    for login in ("spn", "workloadidentity", "msi", "devicecode"):
        try:
            checked(resolve({"login": login, "server_id": "s"}, environ), environ)
        except SettingsError:
            continue


def shown_text(data: bytes) -> None:
    line = sanitized(_text(data), ["s3cr3t-of-anna"])
    assert len(line) <= 300 and line.isprintable() and "s3cr3t-of-anna" not in line


def _certificates() -> tuple[bytes, ...]:
    from kubeauth.testing import Simulator

    with Simulator() as sim:
        return (sim.tenant.add_application("ci").new_certificate(), sim.ca_pem)


def broke_once() -> list[tuple[str, bytes]]:
    """Return inputs that a long run found, with their target: each ended in a foreign exception."""
    key, _, certificate = _certificates()[0].partition(b"-----BEGIN CERTIFICATE-----")
    der = b64decode(b"".join(certificate.splitlines()[:-1]))
    found = []
    for right, wrong in (
        (bytes.fromhex("a003020102"), bytes.fromhex("a003020142")),  # the version
        (
            bytes.fromhex("2a864886f70d010101"),
            bytes.fromhex("2a864886f70d01011b"),
        ),  # the key's kind
    ):
        assert right in der
        text = encodebytes(der.replace(right, wrong))
        wrapped = b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"
        found.append(("certificate", key + wrapped))
    return found


_MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
_INFO = b'{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","spec":{"interactive":true,"cluster":{"server":"https://x"}}}'
_JWT = b"eyJhbGciOiJub25lIn0.eyJ1cG4iOiJhbm5hQGNvbnRvc28uZXhhbXBsZSIsImV4cCI6MX0.x"


def targets() -> dict[str, Target]:
    """Return every target; the errors that it may raise are those that its function catches."""
    return {
        "exec info": Target(exec_info, (_INFO,)),
        "kubeconfig": Target(kubeconfig, (KUBECONFIG,)),
        "record": Target(record, (packed({"a": [1, "b"]}),)),
        "answer": Target(answer, (ANSWER,)),
        "JWT": Target(jwt, (_JWT,)),
        "certificate": Target(certificate, _certificates()),
        "command line": Target(command_line, (FLAGS,)),
        "environment": Target(environment, (VARIABLES,)),
        "shown text": Target(
            shown_text, (b"AADSTS70000: s3cr3t-of-anna https://a:b@c/?sig=abcdef",)
        ),
    }


INTERESTING = (
    *(
        b"\0",
        b"\xff",
        b"\n",
        b"\r\n",
        b"{",
        b"[",
        b"]}",
        b'"',
        b"'",
        b"\\u0000",
        b"\\ud800",
        b"null",
    ),
    *(
        b"true",
        b"-1",
        b"1e999",
        b"99999999999999999999",
        b"NaN",
        b"&a ",
        b"*a",
        b"<<: ",
        b"!!binary ",
    ),
    *(
        b"--",
        b"=",
        b"get-token",
        b"\xe2\x80\xae",
        b"\x1b[2J",
        b"-----BEGIN CERTIFICATE-----\n",
        b"[" * 600,
    ),
    *(b"s3cr3t-of-anna", b"AADSTS" + b"9" * 40, b".", b"eyJ"),
)


def mutated(chance: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    """Return one input: a right one with up to eight changes."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.randint(1, 8)):
        place = chance.randint(0, len(data))
        length = min(chance.choice((1, 1, 2, 4, 16, 64, 300)), len(data) - place)
        kind = chance.randint(0, 5)
        if kind == 0 and length:
            data[place] ^= 1 << chance.randint(0, 7)
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = chance.choice(INTERESTING)
        elif kind == 3:
            data[place : place + length] = chance.choice(INTERESTING)
        elif kind == 4:
            data[place:place] = data[place : place + length] * chance.choice((1, 2, 10))
        else:
            data[place : place + length] = chance.randbytes(length)
    return bytes(data[: 1 << 16])
