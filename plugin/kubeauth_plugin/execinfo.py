"""client-go's contract with its plugin: KUBERNETES_EXEC_INFO in, an ExecCredential out.

("client-go credential plugins" in the Kubernetes documentation.)
"""

from __future__ import annotations

import json
import time

from kubeauth._env import KUBERNETES_EXEC_INFO
from kubeauth.errors import SettingsError
from kubeauth.record import Record
from kubeauth.token import AccessToken

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

__all__ = ["ExecInfo", "read_exec_info", "render"]

_GROUP: Final = "client.authentication.k8s.io"
# What every kubectl since 1.11 and every Python client accepts; the answer where nothing is asked.
_DEFAULT: Final = f"{_GROUP}/v1beta1"
_SUPPORTED: Final = (f"{_GROUP}/v1", _DEFAULT)
# kubectl uses a token up to the very second of its expiry, so it is told an earlier one.
_EARLIER: Final = 300


class ExecInfo(Record):
    """What the caller said: the version to answer in, and whether a person can be asked.

    ``interactive`` is None where the caller did not say.
    """

    api_version: str = _DEFAULT
    interactive: bool | None = None


def read_exec_info(text: str) -> ExecInfo:
    """Read the value of KUBERNETES_EXEC_INFO; empty means that there is none.

    Raises SettingsError for what is no ExecCredential, and for a version this plugin does not speak
    (kubectl would refuse the answer, so nobody should sign in for it). Whatever a cluster's
    own configuration (``spec.cluster.config``) holds is not looked at.
    """
    if not text.strip():
        return ExecInfo()
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong("it is not JSON") from error
    if not isinstance(said, dict):
        raise _wrong("it is not a JSON object")
    if said.get("kind") not in ("ExecCredential", None):
        raise _wrong(f"its kind is {said['kind']!r}, not 'ExecCredential'")
    version = said.get("apiVersion") or _DEFAULT
    if version not in _SUPPORTED:
        raise SettingsError(
            f"{KUBERNETES_EXEC_INFO}: apiVersion {version!r} is not supported",
            hint=f"set apiVersion in the kubeconfig's exec block to {_DEFAULT}",
        )
    spec = said.get("spec")
    interactive = spec.get("interactive") if isinstance(spec, dict) else None
    return ExecInfo(version, interactive if isinstance(interactive, bool) else None)


def _wrong(reason: str) -> SettingsError:
    return SettingsError(
        f"{KUBERNETES_EXEC_INFO}: {reason}",
        hint=f"kubectl sets it; to call this program by hand, unset {KUBERNETES_EXEC_INFO}",
    )


def render(token: AccessToken, api_version: str, now: float) -> bytes:
    """Write the ExecCredential, one line of JSON.

    The expiry told is some minutes before the real one; for a token about to expire it is half of
    what is left, so that it never lies in the past of a token that still works.
    """
    left = max(0, token.expires_on - int(now))
    told = token.expires_on - min(_EARLIER, left // 2)
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(told))
    credential = {
        "kind": "ExecCredential",
        "apiVersion": api_version,
        "spec": {"interactive": False},
        "status": {"expirationTimestamp": expiry, "token": token.token},
    }
    return json.dumps(credential, separators=(",", ":")).encode() + b"\n"
