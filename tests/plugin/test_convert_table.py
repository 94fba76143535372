"""Every login and every setting of its entry: typed, kept, and taken over by another login.

The table stands here a second time, so that a row or a name that is taken out of
``kubeauth.options.logins`` is missed. It is Azure/kubelogin's, with kubeauth's own settings added.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from kubeauth import KubeauthError, System, from_kubeconfig
from kubeauth.options.flags import BY_NAME, parse
from kubeauth.options.logins import LOGINS
from kubeauth.options.settings import FLAGS
from kubeauth_plugin.cli import run

IDS = "client-id tenant-id"
CLOUD = "environment legacy"
POP = "pop-enabled pop-claims"
BROWSER = "redirect-port prompt browser-command no-browser"
SPN = (
    "client-secret client-secret-file client-secret-env client-secret-keyring "
    "client-certificate client-certificate-key client-certificate-password"
)
GENERAL = (
    "authority-host ca-file cache-dir cache-storage timeout connect-timeout read-timeout "
    "person-timeout no-background-refresh disable-instance-discovery "
    "disable-environment-override use-azurerm-env-vars"
)
# login: (must have, takes over, only typed or of the same login)
TABLE = {
    "devicecode": (IDS, CLOUD, f"{POP} open qr login-hint"),
    "interactive": (IDS, f"environment {POP} redirect-url login-hint", BROWSER),
    "auto": (IDS, f"{CLOUD} {POP} redirect-url login-hint", BROWSER),
    "azurecli": ("", "", "tenant-id subscription"),
    "azd": ("", "", "tenant-id"),
    "spn": (IDS, f"{CLOUD} {POP}", SPN),
    "ropc": (IDS, f"{CLOUD} {POP}", "username password"),
    "default": ("", "", f"{IDS} environment"),
    "azurepowershell": ("", "", "tenant-id"),
    "vscode": ("", "", "tenant-id environment"),
    "msi": ("", "", "client-id identity-resource-id identity-object-id"),
    "workloadidentity": (
        "",
        "",
        f"{IDS} environment federated-token-file assertion-source assertion-audience {POP}",
    ),
    "azurepipelines": (
        "tenant-id",
        "",
        "client-id environment azure-pipelines-service-connection-id",
    ),
}
# Every entry has the first two; convert-kubeconfig does not take the third.
NAMES = sorted({flag.name for flag in FLAGS} - {"login", "server-id", "force-refresh"})
VALUES = {
    "environment": "AzureChinaCloud",
    "authority-host": "https://login.example/",
    "pop-claims": "u=host",
}


def typed(name: str) -> list[str]:
    """A flag with a value; of the two halves of a proof, both."""
    if name in POP.split():
        return ["--pop-enabled", "--pop-claims", "u=host"]
    if BY_NAME[name].kind is bool:
        return [f"--{name}"]
    return [f"--{name}", VALUES.get(name, "5s" if BY_NAME[name].kind is float else f"a-{name}")]


def value(name: str) -> str:
    return parse(typed(name))[0][name]


class Entry:
    """A kubeconfig with one user, and what a conversion made of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, login: str, *args: str) -> Entry:
        words = ["get-token", "-l", login, "--server-id", "s", *args]
        user = {"exec": {"command": "kubeauth", "args": words}}
        context = {"name": "c", "context": {"cluster": "k", "user": "u"}}
        self.path.write_text(
            json.dumps(
                {
                    "users": [{"name": "u", "user": user}],
                    "contexts": [context],
                    "clusters": [{"name": "k", "cluster": {"server": "https://k"}}],
                }
            )
        )
        return self

    def convert(self, login: str, *args: str) -> int:
        os.utime(self.path, (0, 0))  # a file that was just written would be watched for a while
        words = ["convert-kubeconfig", "--kubeconfig", str(self.path), "--command", "bare"]
        return run([*words, "-l", login, *args])

    @property
    def values(self) -> dict[str, str]:
        user: dict[str, Any] = json.loads(self.path.read_text())["users"][0]["user"]
        return parse(user["exec"]["args"])[0]


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Entry:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AAD_LOGIN_METHOD", raising=False)
    return Entry(tmp_path / "config")


def needed(login: str, without: str = "") -> list[str]:
    names = [name for name in TABLE[login][0].split() if name != without]
    return [word for name in names for word in (f"--{name}", f"needed-{name}")]


def test_every_login_has_a_row() -> None:
    assert list(TABLE) == list(LOGINS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("login", TABLE)
class TestSetting:
    def means_something(self, login: str, name: str) -> bool:
        return name in f"{' '.join(TABLE[login])} {GENERAL}".split()

    def test_is_written_when_typed_and_kept_by_the_same_login(
        self, entry: Entry, capsys: pytest.CaptureFixture[str], login: str, name: str
    ) -> None:
        entry.write(login)
        code = entry.convert(login, *needed(login, name), *typed(name))
        if not self.means_something(login, name):
            said = capsys.readouterr().err
            assert name not in entry.values
            if name in POP.split():
                assert code == 2 and "--pop-enabled is not possible" in said
            else:
                assert code == 0 and f"--{name} means nothing to login {login}" in said
            return
        assert code == 0 and entry.values[name] == value(name)
        before = entry.path.read_bytes()
        assert entry.convert(login) == 0
        assert entry.path.read_bytes() == before

    def test_comes_from_another_login_as_the_table_says(
        self, entry: Entry, login: str, name: str
    ) -> None:
        """From an entry that has every setting there is."""
        other = "msi" if login != "msi" else "azd"
        need, keep, _ = TABLE[login]
        everything = [word for each in NAMES for word in typed(each)]
        assert entry.write(other, *everything).convert(login) == 0
        kept = name in f"{need} {keep} {GENERAL}".split()
        assert entry.values.get(name) == (value(name) if kept else None)


@pytest.mark.parametrize("login", TABLE)
def test_what_must_be_there_is_asked_for(
    entry: Entry, capsys: pytest.CaptureFixture[str], login: str
) -> None:
    for name in TABLE[login][0].split():
        entry.write(login)
        assert entry.convert(login, *needed(login, name)) == 2
        assert f"--{name} is required" in capsys.readouterr().err
    assert entry.write(login).convert(login, *needed(login)) == 0


SECRETS = SPN.split()[:4]
CERTIFICATE = SPN.split()[4:]
GROUPS = {
    "spn": [*([name] for name in SECRETS), CERTIFICATE],
    "msi": [[name] for name in TABLE["msi"][2].split()],
}


@pytest.mark.parametrize(
    ("login", "new", "old"),
    [
        (login, new, old)
        for login, groups in GROUPS.items()
        for new in (group[0] for group in groups)
        for group in groups
        for old in group
        if new not in group
    ],
)
def test_one_way_to_prove_who_it_is_replaces_another(
    entry: Entry, login: str, new: str, old: str
) -> None:
    assert entry.write(login, *needed(login), *typed(old)).convert(login, *typed(new)) == 0
    assert new in entry.values and old not in entry.values


@pytest.mark.parametrize("winner", GROUPS["msi"][:2])
def test_the_first_name_of_an_identity_counts(
    entry: Entry, capsys: pytest.CaptureFixture[str], winner: list[str]
) -> None:
    names = [name for (name,) in GROUPS["msi"]]
    chosen = names[names.index(winner[0]) :]
    words = [word for name in chosen for word in typed(name)]
    assert entry.write("msi").convert("msi", *words) == 0
    assert set(entry.values) & set(names) == {chosen[0]}
    said = capsys.readouterr().err
    assert all(f"--{name} was not written, since --{chosen[0]}" in said for name in chosen[1:])


class TestInTheLibrary:
    """``from_kubeconfig(login=...)`` takes from the same table; variables win over the rest."""

    HUMAN = ("devicecode", "interactive", "auto")
    OWN_TENANT = ("azurecli", "azd")
    OFFERED = ("tenant_id='a-tenant-id'", "environment='AzureChinaCloud'", "legacy=True")

    def provider(self, entry: Entry, old: str, login: str) -> str:
        names = ["client-id", "tenant-id", "environment", "legacy", "ca-file", "login-hint"]
        entry.write(old, *[word for name in names for word in typed(name)])
        row = LOGINS[login]
        changes: dict[str, Any] = {}
        if login not in self.HUMAN:
            needed = {*row.needs, *row.needs_one_of[1:2]} - {"tenant_id"}
            changes = dict.fromkeys(needed, "mine")
        elif old not in self.HUMAN:
            changes = {"client_id": "mine"}
        system = System(environ={"HOME": str(entry.path.parent)})
        # Trusted, because the entry names certificates to trust.
        made = from_kubeconfig(
            "c", path=entry.path, system=system, login=login, trusted=True, **changes
        )
        return repr(made)

    @pytest.mark.parametrize("old", ["devicecode", "msi"])
    @pytest.mark.parametrize("login", TABLE)
    def test_keeps_the_directory_and_leaves_the_identity(
        self, entry: Entry, login: str, old: str
    ) -> None:
        if old == login:
            return
        text = self.provider(entry, old, login)
        personal = login in self.HUMAN and old in self.HUMAN
        assert ("client_id='a-client-id'" in text) == personal
        for offered in self.OFFERED:
            own = login in self.OWN_TENANT and offered.startswith("tenant")
            assert (offered in text) == (not own)
        assert "ca_file='a-ca-file'" in text
        assert ("login_hint='a-login-hint'" in text) == personal

    def test_a_program_signs_in_as_itself(self, entry: Entry) -> None:
        entry.write("devicecode", *typed("client-id"), *typed("tenant-id"))
        with pytest.raises(KubeauthError, match="--client-id is required"):
            from_kubeconfig("c", path=entry.path, system=System(environ={}), login="spn")
