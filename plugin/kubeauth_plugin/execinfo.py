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
# Without exec info, answer in the version that kubectl (since 1.11) and all Python clients accept.
_DEFAULT: Final = f"{_GROUP}/v1beta1"
_SUPPORTED: Final = (f"{_GROUP}/v1", _DEFAULT)
# Seconds. kubectl uses a token until the second of its expiry, so report an earlier expiry.
_EARLIER: Final = 300


class ExecInfo(Record):
    """The caller's exec info: the version of its ExecCredential, and whether a person can act.

    ``interactive`` is None if the caller did not set it. ``server`` is the address of the API
    server, "" unless the kubeconfig has ``provideClusterInfo: true``.
    """

    api_version: str = _DEFAULT
    interactive: bool | None = None
    server: str = ""


def read_exec_info(text: str) -> ExecInfo:
    """Return the exec info in the value of KUBERNETES_EXEC_INFO; the default if it is empty.

    Raises SettingsError if the value is not an ExecCredential, or has a version that this plugin
    does not support: kubectl would refuse the answer, so a sign-in would be wasted. Ignores the
    cluster's own configuration (``spec.cluster.config``).
    """
    if not text.strip():
        return ExecInfo()
    try:
        credential: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong("it is not JSON") from error
    if not isinstance(credential, dict):
        raise _wrong("it is not a JSON object")
    if credential.get("kind") not in ("ExecCredential", None):
        raise _wrong(f"its kind is {credential['kind']!r}, not 'ExecCredential'")
    version = credential.get("apiVersion") or _DEFAULT
    if version not in _SUPPORTED:
        raise SettingsError(
            f"{KUBERNETES_EXEC_INFO}: apiVersion {version!r} is not supported",
            hint=f"set apiVersion in the kubeconfig's exec block to {_DEFAULT}",
        )
    spec = _fields(credential.get("spec"))
    interactive = spec.get("interactive")
    server = _fields(spec.get("cluster")).get("server")
    return ExecInfo(
        version,
        interactive if isinstance(interactive, bool) else None,
        server if isinstance(server, str) and server.isprintable() else "",
    )


def _fields(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _wrong(reason: str) -> SettingsError:
    return SettingsError(
        f"{KUBERNETES_EXEC_INFO}: {reason}",
        hint=f"kubectl sets it; to call this program by hand, unset {KUBERNETES_EXEC_INFO}",
    )


def render(token: AccessToken, api_version: str, now: float) -> bytes:
    """Return the ExecCredential as one line of JSON. ``now`` is in epoch seconds.

    Its expiry is five minutes before the token's. If the token expires within ten minutes, it is
    half of the time left, so that the expiry of a valid token is never in the past.
    """
    left = max(0, token.expires_on - int(now))
    reported = token.expires_on - min(_EARLIER, left // 2)
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(reported))
    credential = {
        "kind": "ExecCredential",
        "apiVersion": api_version,
        "spec": {"interactive": False},
        "status": {"expirationTimestamp": expiry, "token": token.token},
    }
    return json.dumps(credential, separators=(",", ":")).encode() + b"\n"
