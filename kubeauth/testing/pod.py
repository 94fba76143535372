"""A pod with workload identity: the webhook's variables, and a token that kubelet rotates.

Sources: Azure AD Workload Identity, "Mutating Admission Webhook" and "Service Account Labels and
Annotations"; Kubernetes, "Service Account Token Volume Projection".
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any, Final

from kubeauth.testing.entra.directory import EXCHANGE_AUDIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from kubeauth.testing.entra.issuer import Issuer
    from kubeauth.testing.simulator import Simulator

__all__ = ["Pod"]

_PREFIX: Final = "azure.workload.identity/"
_FILE: Final = "azure-identity-token"
_LIFETIMES: Final = range(3600, 86401)


class Pod:
    """A pod of a pod template and a service account, both as parsed from their manifests.

    `environ` returns the variables of a container: its own, and those of the webhook. If the
    template lacks the label (people forget it), the webhook adds no variables, as in a cluster.
    `token_file` holds the projected token below `folder`, which stands for the volume.
    """

    def __init__(
        self,
        simulator: Simulator,
        issuer: Issuer,
        template: Mapping[str, Any],
        service_account: Mapping[str, Any],
        folder: Path,
    ) -> None:
        metadata = template.get("metadata") or {}
        self._spec: Mapping[str, Any] = template["spec"]
        self._issuer = issuer
        account = service_account["metadata"]
        named = self._spec.get("serviceAccountName", "default")
        if named != account["name"]:
            raise ValueError(f"the pod runs as {named!r}, not as {account['name']!r}")
        self.subject = f"system:serviceaccount:{account.get('namespace', 'default')}:{named}"
        of_pod: Mapping[str, str] = metadata.get("annotations") or {}
        of_account: Mapping[str, str] = account.get("annotations") or {}
        seconds = _annotation("service-account-token-expiration", of_pod, of_account) or "3600"
        if int(seconds) not in _LIFETIMES:
            raise ValueError(f"service-account-token-expiration is 3600 to 86400, not {seconds}")
        self.lifetime: float = int(seconds)
        self._skipped = _annotation("skip-containers", of_pod).split(";")
        self._folder = folder
        self.token_file = folder / _FILE
        self._variables: dict[str, str] = {}
        if (metadata.get("labels") or {}).get(f"{_PREFIX}use") == "true":
            found = {
                "AZURE_CLIENT_ID": _annotation("client-id", of_account),
                "AZURE_TENANT_ID": _annotation("tenant-id", of_account) or simulator.tenant.id,
                "AZURE_FEDERATED_TOKEN_FILE": str(self.token_file),
                "AZURE_AUTHORITY_HOST": simulator.authority,
            }
            self._variables = {name: value for name, value in found.items() if value}
            self.rotate()

    def container(self, name: str) -> Mapping[str, Any]:
        """Return the container `name`, an init container too; raises LookupError."""
        kinds = ("initContainers", "containers")
        for container in (one for kind in kinds for one in self._spec.get(kind, ())):
            if container["name"] == name:
                found: Mapping[str, Any] = container
                return found
        raise LookupError(f"no container {name!r}")

    def environ(self, name: str) -> dict[str, str]:
        """Return the variables of the container `name`; those of the manifest win.

        The result lacks variables that the manifest takes from elsewhere (`valueFrom`).
        """
        listed = self.container(name).get("env", ())
        own = {each["name"]: each["value"] for each in listed if "value" in each}
        return own if name in self._skipped else {**self._variables, **own}

    def rotate(self) -> None:
        """Write a new token as kubelet does: into a new folder, then replace one link.

        The token lives for `lifetime` seconds; kubelet rotates it after four fifths of them.
        """
        token = self._issuer.mint(
            subject=self.subject, audience=EXCHANGE_AUDIENCE, expires_in=self.lifetime
        )
        fresh = self._folder / f"..{uuid.uuid4().hex}"
        fresh.mkdir(parents=True)
        (fresh / _FILE).write_text(token, encoding="ascii")
        data, swap = self._folder / "..data", self._folder / "..data_tmp"
        before = data.resolve() if data.is_symlink() else None
        os.symlink(fresh.name, swap)
        os.replace(swap, data)
        if not self.token_file.is_symlink():
            os.symlink(f"..data/{_FILE}", self.token_file)
        if before is not None:
            (before / _FILE).unlink()
            before.rmdir()


def _annotation(name: str, *places: Mapping[str, str]) -> str:
    """Return an annotation's value from the first place that has it."""
    return next((place[_PREFIX + name] for place in places if _PREFIX + name in place), "")
