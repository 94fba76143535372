"""Find out whether this call may simply obey its kubeconfig; every sign-in for kubectl asks this.

kubectl runs any command that a kubeconfig names, so without a policy nothing is lost by obeying. A
policy is kuberc's credentialPluginPolicy (kubectl 1.35 and newer), or KUBEAUTH_STRICT.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from kubeauth import _env
from kubeauth.files import undisturbed
from kubeauth.record import Record, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

__all__ = ["Caller", "is_strict", "kuberc_file", "read_caller"]

_LARGEST: Final = 1 << 20
_FIELD: Final = b"credentialPlugin"


class Caller(Record):
    """The words and the variables that the calling program was started with."""

    words: tuple[str, ...]
    environ: Mapping[str, str] = field(repr=False)

    def flag(self, name: str) -> str:
        """Return the value of one of kubectl's flags, "" if it is not given."""
        for word, following in zip(self.words, (*self.words[1:], ""), strict=False):
            if word == "--":
                break
            if word == f"--{name}":
                return following
            if word.startswith(f"--{name}="):
                return word.partition("=")[2]
        return ""


def read_caller() -> Caller | None:
    """Return the program that runs this one; None where the system does not tell its variables.

    NOTE: kubectl adds the variables of the kubeconfig to its own before it runs a plugin. What the
    person has set is known from kubectl's process only, and only Linux tells it.
    """
    if sys.platform != "linux":
        return None
    try:
        words, variables = (
            _read(f"/proc/{os.getppid()}/{name}") for name in ("cmdline", "environ")
        )
    except OSError:
        return None
    pairs = (text.partition("=") for text in variables)
    environ = {name: value for name, equals, value in pairs if equals}
    return Caller(words, environ) if environ else None


def _read(path: str) -> tuple[str, ...]:
    with open(path, "rb") as file:
        return tuple(os.fsdecode(part) for part in file.read(_LARGEST).split(b"\0")[:-1])


def is_strict(environ: Mapping[str, str], caller: Caller | None) -> bool:
    """Return whether a policy says that plugins are not to be trusted with everything.

    NOTE: KUBEAUTH_STRICT counts with any value, since a kubeconfig can set a variable but cannot
    remove one. Where the caller's own variables are unknown, the policy in the home folder of the
    account counts, too, whatever HOME and KUBERC say.
    """
    if _env.KUBEAUTH_STRICT in environ:
        return True
    if caller is not None:
        named = caller.flag("kuberc")
        own = {**caller.environ, "KUBERC": named} if named else caller.environ
        return _env.KUBEAUTH_STRICT in own or _has_policy(kuberc_file(own))
    from kubeauth.kubeconfig.home import account_home

    account = {"HOME": account_home()}
    return any(_has_policy(kuberc_file(each)) for each in (environ, account))


def kuberc_file(environ: Mapping[str, str]) -> str:
    """Return the file of kubectl's preferences, "" if they are switched off.

    The places and the switches are kubectl's: KUBERC (``off`` for none), KUBECTL_KUBERC.
    """
    named = environ.get("KUBERC", "")
    if named == "off" or environ.get("KUBECTL_KUBERC", "").lower() == "false":
        return ""
    home = environ.get("HOME") or os.path.expanduser("~")
    if os.name == "nt":
        from kubeauth.kubeconfig.home import kubectl_home

        home = kubectl_home(environ)
    return named or os.path.join(home, ".kube", "kuberc")


def _has_policy(path: str) -> bool:
    """Return whether a kuberc says which plugins kubectl may run; YAML is read only if it might."""
    try:
        with undisturbed(lambda: open(path, "rb")) as file:
            if _FIELD not in file.read(_LARGEST):
                return False
    except OSError:
        return False
    from kubeauth_plugin.trust.kuberc import read_kuberc

    policy = read_kuberc(path)
    return policy is not None and policy.policy in ("Allowlist", "DenyAll")
