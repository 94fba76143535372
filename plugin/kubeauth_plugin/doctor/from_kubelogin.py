"""What converting would change for users of kubelogin, and what it mends; nothing is written.

Source for kubelogin: the code of Azure/kubelogin 0.2.19.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from kubeauth import _env
from kubeauth.clouds import check_cloud
from kubeauth.errors import KubeauthError, SettingsError
from kubeauth.files import read_text
from kubeauth.kubeconfig.entry import read_kubeconfigs
from kubeauth.kubeconfig.files import Kubeconfig, find_files
from kubeauth.kubeconfig.merge import User, merge
from kubeauth.kubeconfig.parse import parse
from kubeauth.kubeconfig.sign_in import SignIn, sign_in_of
from kubeauth.options.flags import BY_FIELD
from kubeauth.options.logins import LOGINS
from kubeauth.options.settings import flag_of
from kubeauth_plugin.convert.command import command_for_kubectl
from kubeauth_plugin.convert.files import convert_files
from kubeauth_plugin.convert.plan import Plan, Row, Selection
from kubeauth_plugin.convert.request import ConvertRequest
from kubeauth_plugin.doctor.finding import Scene
from kubeauth_plugin.trust.kuberc import find_on_path

__all__ = ["changes"]

# Logins whose tokens kubelogin does not keep, so that each call of kubectl signs in.
_NOT_KEPT: Final = frozenset({"azurecli", "azd", "msi"})
_PEOPLE: Final = frozenset({"devicecode", "interactive", ""})
_PROVES: Final = frozenset({"interactive", "spn", "ropc"})
_UNREAD_KEYS: Final = re.compile(r"BEGIN (RSA|ENCRYPTED) PRIVATE KEY")


@dataclass(frozen=True, slots=True)
class _Old:
    """A user of kubelogin, what it runs, and the others of the same kubeconfigs."""

    name: str
    sign_in: SignIn
    environ: Mapping[str, str] = field(repr=False)
    others: Mapping[str, SignIn] = field(default_factory=dict, repr=False)

    def value(self, name: str) -> str:
        """Return the text of a setting, "" without one."""
        return self.sign_in.values.get(name, "")


def changes(scene: Scene, context: str) -> list[tuple[str, str]]:
    """Return what would change and be mended, as subject and text: of each user, or a context's."""
    command = command_for_kubectl("auto", scene.environ, lambda _: None)
    request = ConvertRequest("", command=command, keep_command=False)
    selection = Selection(contexts=(glob.escape(context),) if context else ())
    try:
        files = find_files(scene.kubeconfig, scene.environ)
        plan = convert_files(files, selection, request, write=False)
        merged = read_kubeconfigs(scene.kubeconfig, scene.environ)
        before = _sign_ins(merged.users.values())
        after = _new_sign_ins(plan)
    except KubeauthError as error:
        return [("from kubelogin", str(error))]
    found: list[tuple[str, str]] = []
    old_users = {name: one for name, one in before.items() if one.kind != "kubeauth"}
    for row in plan.rows:
        if row.user in old_users and row.status == "converted":
            found += _of_user(scene, row, old_users, after)
        elif not row.before.startswith("kubeauth"):
            found.append(("would not change", f"{_who(row)}: {row.reason or row.before}"))
    found += [("note", text) for text in plan.warnings]
    return found or [("from kubelogin", "every user signs in with kubeauth already")]


def _who(row: Row) -> str:
    return f"{row.user} (context {', '.join(row.contexts)})" if row.contexts else row.user


def _of_user(
    scene: Scene, row: Row, old_users: Mapping[str, SignIn], after: Mapping[str, SignIn]
) -> Iterator[tuple[str, str]]:
    sign_in = old_users[row.user]
    others = {name: one for name, one in old_users.items() if name != row.user}
    old = _Old(row.user, sign_in, {**scene.environ, **sign_in.environ}, others)
    new = after.get(row.user)
    difference = "; ".join(_differences(sign_in, new)) if new is not None else ""
    more = f"; {difference}" if difference else "; its settings stay as they are"
    yield "would change", f"{_who(row)}: {row.before} -> {row.after}{more}"
    mended = [text for text in (look(old) for look in _LOOKS) if text]
    for text in mended:
        yield "would mend", f"{row.user}: {text}"
    if not mended:
        yield "would mend", f"{row.user}: nothing that shows from here"


def _sign_ins(users: Iterable[User]) -> dict[str, SignIn]:
    """Return the sign-ins by the users' names; leave out what does not sign in to Entra ID."""
    found = {}
    for user in users:
        try:
            one = sign_in_of(user)
        except KubeauthError:
            continue
        if isinstance(one, SignIn):
            found[user.name] = one
    return found


def _new_sign_ins(plan: Plan) -> dict[str, SignIn]:
    files = [
        Kubeconfig(path, text.encode(), text, parse(text, str(path)))
        for path, (_, text) in plan.texts.items()
    ]
    return _sign_ins(merge(files).users.values())


def _differences(old: SignIn, new: SignIn) -> Iterator[str]:
    """Say which settings come, go and change; never a secret's value."""
    for name in dict.fromkeys((*old.values, *new.values)):
        before, now = old.values.get(name, ""), new.values.get(name, "")
        if before == now:
            continue
        secret = BY_FIELD[name].secret
        flag = flag_of(name)
        if not now:
            yield f"without {flag}"
        elif not before:
            yield f"with {flag}" + ("" if secret else f" {now}")
        else:
            yield f"{flag} changes" + ("" if secret else f" from {before} to {now}")


def _removed(old: _Old) -> str:
    if old.sign_in.kind != "auth-provider":
        return ""
    return "kubectl 1.26 and newer has no azure auth-provider; the exec block works with each"


def _no_program(old: _Old) -> str:
    if old.sign_in.kind != "kubelogin" or find_on_path("kubelogin", old.environ):
        return ""
    return "kubelogin is not on PATH here, so kubectl cannot sign in at all"


def _not_kept(old: _Old) -> str:
    if old.sign_in.kind == "kubelogin" and old.sign_in.login in _NOT_KEPT:
        login = old.sign_in.login
        return f"kubelogin signs in with {login} at each call; kubeauth keeps the token"
    if old.sign_in.login in ("workloadidentity", "spn") and old.value("legacy") == "true":
        return "kubelogin does not keep tokens of --legacy; kubeauth does"
    return ""


def _shared_file(old: _Old) -> str:
    """Whether another person's session lies in kubelogin's one file for all of them."""
    if old.sign_in.login not in _PEOPLE:
        return ""
    mine = (old.value("tenant_id"), old.value("client_id"))
    for name, other in old.others.items():
        theirs = (other.values.get("tenant_id", ""), other.values.get("client_id", ""))
        if other.login in _PEOPLE and theirs != mine:
            return (
                f"kubelogin keeps one account for this user and {name}, which has another tenant "
                "or application, and asks anew at each change; kubeauth keeps one for each"
            )
    return ""


def _no_keyring(old: _Old) -> str:
    from kubeauth.cache.keyring_key import NoKeyring, existing_key

    if old.sign_in.login not in _PEOPLE:
        return ""
    try:
        existing_key()
    except NoKeyring:
        return (
            "there is no keyring here, so kubelogin asks you at each call; kubeauth keeps the "
            "session in a private file"
        )
    return ""


def _wins_by_variable(old: _Old) -> str:
    """Whether a variable replaces a value that a person gave."""
    named = old.environ.get(_env.AZURE_CLIENT_ID, "")
    if old.sign_in.login in _PEOPLE and named and named != old.value("client_id"):
        return (
            f"AZURE_CLIENT_ID replaces --client-id in kubelogin, and {named} is no application "
            "that people sign in with; kubeauth does not read it for this login"
        )
    for name, setting in ((_env.AZURE_CLIENT_ID, "client_id"), (_env.AZURE_TENANT_ID, "tenant_id")):
        if old.environ.get(name) == "" and old.value(setting):
            return f"{name} is set and empty, which clears {flag_of(setting)} in kubelogin only"
    return ""


def _github_wins(old: _Old) -> str:
    if old.sign_in.login != "workloadidentity" or not old.value("federated_token_file"):
        return ""
    if not all(old.environ.get(name) for name in _env.GITHUB_ENDPOINT):
        return ""
    return "kubelogin takes GitHub's token here, whatever --federated-token-file says"


def _unknown_cloud(old: _Old) -> str:
    name = old.value("environment")
    if name.lower() == "azurestackcloud":
        return "kubelogin does not read AZURE_ENVIRONMENT_FILEPATH, and signs in to Azure itself"
    try:
        check_cloud(name)
    except SettingsError:
        return f"kubelogin takes --environment {name} for the public cloud; kubeauth refuses it"
    return ""


def _ignored_proof(old: _Old) -> str:
    login = old.sign_in.login
    if old.value("pop_enabled") != "true" or login in _PROVES:
        return ""
    able = "does it" if LOGINS[login or "devicecode"].proves else "says so"
    return f"kubelogin ignores --pop-enabled with {login or 'devicecode'}; kubeauth {able}"


def _time_of_person(old: _Old) -> str:
    if old.sign_in.login not in _PEOPLE or not old.value("timeout"):
        return ""
    return f"--timeout {old.value('timeout')} ends kubelogin while you type; kubeauth gives 15 min"


def _unread_key(old: _Old) -> str:
    path = old.value("client_certificate")
    try:
        text = read_text(path) if path else ""
    except (OSError, ValueError):
        return ""
    if not _UNREAD_KEYS.search(text):
        return ""
    return f"kubelogin cannot read the form of the key in {path}; kubeauth can"


def _at_once(old: _Old) -> str:
    if old.sign_in.login in _PEOPLE:
        return "of several kubectl at once each asks you in kubelogin; with kubeauth one does"
    return ""


_LOOKS: Final[tuple[Callable[[_Old], str], ...]] = (
    _removed,
    _no_program,
    _not_kept,
    _shared_file,
    _no_keyring,
    _wins_by_variable,
    _github_wins,
    _unknown_cloud,
    _ignored_proof,
    _time_of_person,
    _unread_key,
    _at_once,
)
