"""A converted kubeconfig keeps every byte that did not have to change."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

import pytest
import yaml
from harness import STARTED_BY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubeauth.kubeconfig.parse import parse
from kubeauth_plugin.cli import run
from kubeauth_plugin.kubeconfig.render import quoted

AZ = """\
# clusters of the shop
apiVersion: v1
kind: Config
clusters:
- cluster: {server: 'https://shop.example:443'}   # behind the VPN
  name: shop
contexts:
- context: {cluster: shop, user: clusterUser_rg_shop}
  name: shop
current-context: shop
users:
# the one from az
- name: clusterUser_rg_shop
  user:
    # signs in by kubelogin
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:   # as az wrote them
      - get-token
      - --environment
      - AzurePublicCloud
      - --server-id
      - 6dae42f8-4368-4678-94ff-3960e28e3630
      # the public client
      - --client-id
      - 80faf920-1908-4b52-b5ef-a8e7bedfc67a
      - --tenant-id
      - 8d3fbd5c-1a63-4a0b-9d4c-2f0d2a3f8e11
      - --login
      - devicecode
      command: kubelogin   # from the PATH
      env: null
      installHint: 'ask "Jo"'
      provideClusterInfo: false
- name: 'static'
  user: { "token" : abc }   # untouched
"""
LEGACY = """\
users:
- user:
    auth-provider:
      config:
        apiserver-id: 6dae42f8-4368-4678-94ff-3960e28e3630
        client-id: 80faf920-1908-4b52-b5ef-a8e7bedfc67a
        config-mode: '1'  # new tokens
        environment: AzurePublicCloud
        tenant-id: 8d3fbd5c-1a63-4a0b-9d4c-2f0d2a3f8e11
      # an old friend
      name: azure
  name: a
contexts: []
"""


def convert(path: Path, *args: str) -> int:
    os.utime(path, (0, 0))  # a file that was just written would be watched for a while
    return run(["convert-kubeconfig", "--kubeconfig", str(path), *args])


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("AAD_LOGIN_METHOD", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config"


def surroundings(text: str, start: str, end: str) -> tuple[str, str]:
    return text.partition(start)[0], text.rpartition(end)[2]


def test_only_the_exec_block_changes(file: Path) -> None:
    file.write_text(AZ)
    assert convert(file, "--command", "bare") == 0
    after = file.read_text()
    assert after == AZ.replace(
        AZ[AZ.index("      - get-token") : AZ.index("      command:")],
        """\
      # the public client
      - "get-token"
      - "--login"
      - "devicecode"
      - "--server-id"
      - "6dae42f8-4368-4678-94ff-3960e28e3630"
      - "--client-id"
      - "80faf920-1908-4b52-b5ef-a8e7bedfc67a"
      - "--tenant-id"
      - "8d3fbd5c-1a63-4a0b-9d4c-2f0d2a3f8e11"
      - "--environment"
      - "AzurePublicCloud"
""",
    ).replace("command: kubelogin ", 'command: "kubeauth" ').replace(
        "\n      provideCl", '\n      interactiveMode: "IfAvailable"\n      provideCl'
    )


def test_an_auth_provider_gives_its_place(file: Path) -> None:
    file.write_text(LEGACY)
    assert convert(file) == 0
    after = file.read_text()
    assert after.startswith("users:\n- user:\n    # new tokens\n    # an old friend\n    exec:\n")
    assert after.endswith("\n      provideClusterInfo: false\n  name: a\ncontexts: []\n")


@pytest.mark.parametrize("text", [AZ, LEGACY], ids=["exec", "auth-provider"])
class TestForms:
    def converted(self, file: Path, data: bytes) -> bytes:
        file.write_bytes(data)
        assert convert(file, "-l", "spn") == 0
        assert convert(file, "-l", "spn") == 0
        return file.read_bytes()

    def test_line_ends(self, file: Path, text: str) -> None:
        unix = self.converted(file, text.encode())
        windows = self.converted(file, text.replace("\n", "\r\n").encode())
        assert windows.replace(b"\r\n", b"\n") == unix and b"\r\n" in windows
        assert windows.count(b"\r") == windows.count(b"\n")

    def test_byte_order_mark(self, file: Path, text: str) -> None:
        plain = self.converted(file, text.encode())
        assert self.converted(file, b"\xef\xbb\xbf" + text.encode()) == b"\xef\xbb\xbf" + plain

    def test_no_last_line_end(self, file: Path, text: str) -> None:
        plain = self.converted(file, text.encode())
        assert self.converted(file, text.rstrip("\n").encode()) == plain.rstrip(b"\n")

    def test_characters_of_any_width_before(self, file: Path, text: str) -> None:
        plain = self.converted(file, text.encode())
        before = "# \u00e9\u4e2d\U0001f600\n".encode()
        assert self.converted(file, before + text.encode()) == before + plain

    def test_deeper_indentation(self, file: Path, text: str) -> None:
        root = yaml.safe_load(text)
        for indent in (2, 4, 7):
            data = yaml.safe_dump(root, indent=indent).encode()
            after = yaml.safe_load(self.converted(file, data))
            assert after == yaml.safe_load(self.converted(file, text.encode()))

    def test_json_stays_json(self, file: Path, text: str) -> None:
        root = yaml.safe_load(text)
        expected = yaml.safe_load(self.converted(file, text.encode()))
        for indent in (None, 2, "\t"):
            data = json.dumps(root, indent=indent).encode()
            after = self.converted(file, data)
            assert json.loads(after) == expected
            assert (after.count(b"\n") > 0) == (indent is not None)

    def test_a_json_lays_new_fields_out_like_the_old(self, file: Path, text: str) -> None:
        data = json.dumps(yaml.safe_load(text), indent=4)
        after = self.converted(file, data.encode()).decode()
        assert json.dumps(json.loads(after), indent=4).replace(" ", "") == after.replace(" ", "")
        assert all(len(line) - len(line.lstrip()) in range(0, 40, 4) for line in after.split("\n"))


STRANGE = {
    "an alias for the whole user": (
        "users:\n- name: a\n  user: &u\n    exec: {command: kubelogin, args: [--server-id, s]}\n"
        "- name: b\n  user: *u\n"
    ),
    "an alias for the exec block": (
        "users:\n- name: a\n  user:\n    exec: &e {command: kubelogin, args: [--server-id, s]}\n"
        "- name: b\n  user:\n    exec: *e\n"
    ),
    "a merge into the exec block": (
        "x: &e {args: [--server-id, s]}\n"
        "users:\n- name: a\n  user:\n    exec:\n      <<: *e\n      command: kubelogin\n"
    ),
    "a field twice": (
        "users:\n- name: a\n  user:\n    exec:\n      command: kubelogin\n      command: aws\n"
    ),
    "an explicit key": (
        "users:\n- name: a\n  user:\n    ? exec\n    :\n      ? command\n      : kubelogin\n"
        "      ? args\n      : [--server-id, s]\n"
    ),
    "both": (
        "users:\n- name: a\n  user:\n    exec: {command: kubelogin}\n"
        "    auth-provider: {name: azure}\n"
    ),
    "arguments that are a mapping": (
        "users:\n- name: a\n  user: {exec: {command: kubelogin, args: {a: b}}}\n"
    ),
    "an argument that is a list": (
        "users:\n- name: a\n  user: {exec: {command: kubelogin, args: [[a]]}}\n"
    ),
    "a command that is a list": "users:\n- name: a\n  user: {exec: {command: [kubelogin]}}\n",
    "an exec that is a list": "users:\n- name: a\n  user: {exec: [kubelogin]}\n",
    "a user that is a text": "users:\n- name: a\n  user: kubelogin\n",
    "a tag": ("users:\n- name: a\n  user: {exec: {command: kubelogin, args: [!!binary QQ==]}}\n"),
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_what_cannot_be_edited_safely_is_refused(
    file: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file.write_text(text)
    assert convert(file, "-l", "msi") == 9
    said = capsys.readouterr()
    assert "error: " in said.err and "line " in said.err and "hint: " in said.err
    assert file.read_text() == text


BROKEN = {
    "not YAML": b"users: [\n- {",
    "tabs": b"users:\n\t- name: a\n",
    "a list": b"[1, 2]",
    "a text": b"hello",
    "users as a mapping": b"users: {a: b}",
    "a user without a shape": b"users: [5]",
    "two users of one name": b"users: [{name: a}, {name: a}]",
    "users twice": b"users: []\nusers: []\n",
    "binary": bytes(range(256)),
    "zeros": b"\0" * 100,
    "an unknown alias": b"users: *nobody",
    "deep": b"[" * 20000,
    "itself": b"&a [*a]",
    "contexts of texts": b"contexts: [a]",
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_one_clear_error(
    file: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    file.write_bytes(data)
    assert convert(file) == 9
    said = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in said] == ["error", "hint"] and "line " in said[0]
    assert file.read_bytes() == data


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"# nothing\n", b"---\n", b"users:\n", b"users: []\n", b"users: ~\n"]
)
def test_an_empty_file_has_nothing_to_convert(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    assert convert(file) == 3
    assert file.read_bytes() == data


@pytest.mark.parametrize("order", ["le", "be"])
def test_utf_16_stays_utf_16(file: Path, order: str) -> None:
    """PowerShell's ``>`` writes it, and kubectl reads it."""
    file.write_bytes(("\ufeff" + AZ).encode(f"utf-16-{order}"))
    assert convert(file) == 0
    text = file.read_bytes().decode(f"utf-16-{order}")
    assert text.startswith("\ufeff# clusters of the shop")
    assert f"command: {quoted(STARTED_BY[0])}" in text


def test_anchors_elsewhere_stay(file: Path) -> None:
    text = (
        "x-ca: &ca {certificate-authority-data: QQ==}\nclusters:\n- name: c\n  cluster: *ca\n" + AZ
    )
    file.write_text(text.replace("clusters:\n- cluster: {", "x-clusters:\n- cluster: {"))
    before = file.read_text()
    assert convert(file) == 0
    assert file.read_text().startswith(before[: before.index("      - get-token")])


def test_scalars_that_readers_disagree_about(file: Path) -> None:
    odd = ["y", "08", "1234e56", "0o17", "=", "null", "1:30", "2001-01-01", ".inf", "a: b #c"]
    items = "".join(f"      - {'--' + 'tenant-id'}\n      - {yaml_text(text)}\n" for text in odd)
    file.write_text(
        "users:\n- name: a\n  user:\n    exec:\n      command: kubelogin\n      args:\n"
        f"      - --server-id\n      - 08\n      - --client-id\n      - 1234e56\n{items}"
    )
    assert convert(file) == 0
    args = yaml.safe_load(file.read_text())["users"][0]["user"]["exec"]["args"]
    rest = args[len(STARTED_BY) + 2 :]
    assert rest == ["--server-id", "08", "--client-id", "1234e56", "--tenant-id", "a: b #c"]


def yaml_text(text: str) -> str:
    return quoted(text) if "#" in text else text


def test_a_rest_that_python_cannot_load_is_left_alone(file: Path) -> None:
    file.write_text("x: =\ny: <<\nz: !odd 1\n" + AZ)
    assert convert(file) == 0
    assert file.read_text().startswith("x: =\ny: <<\nz: !odd 1\n# clusters")


def test_a_second_document_stays(file: Path) -> None:
    file.write_text(AZ + "---\nusers: [\n")
    assert convert(file) == 0
    assert file.read_text().endswith("\n---\nusers: [\n")


def test_only_nulls_after_the_block(file: Path) -> None:
    file.write_text(
        "users:\n- name: a\n  user:\n    exec:\n      command: kubelogin\n      args:\n"
        "      - --server-id=s\n      installHint: |+\n        keep\n\n\n# end\n"
    )
    assert convert(file, "-l", "msi") == 0
    assert (
        yaml.safe_load(file.read_text())["users"][0]["user"]["exec"]["installHint"] == "keep\n\n\n"
    )
    assert file.read_text().endswith("\n        keep\n\n\n# end\n")


@given(st.text())
def test_quoting_is_json_and_yaml(text: str) -> None:
    if any("\ud800" <= char <= "\udfff" for char in text):
        return
    written = quoted(text)
    assert json.loads(written) == text
    root = parse(written, "test")
    assert root is not None and root.text == text and root.style == '"'


@settings(
    max_examples=int(os.environ.get("KUBEAUTH_EXAMPLES", "150")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.integers(), st.sampled_from([AZ, LEGACY]), st.integers(1, 4))
def test_mutations_never_damage(file: Path, seed: int, text: str, times: int) -> None:
    """Whatever stands there: no traceback, and either the file as it was or a sound one."""
    chance = random.Random(seed)
    pieces = [
        "\t",
        "\r",
        "&a ",
        "*a ",
        "'",
        '"',
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "#",
        "\u0085",
        "|\n",
    ]
    for _ in range(times):
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(pieces) + text[at + chance.randrange(3) :]
    file.write_text(text, newline="", encoding="utf-8")
    before = file.read_bytes()
    code = convert(file, "-l", "msi")
    assert code in (0, 2, 3, 9)
    if file.read_bytes() != before:
        assert convert(file, "-l", "msi") in (0, code)
        assert parse(file.read_text("utf-8"), "test") is not None
