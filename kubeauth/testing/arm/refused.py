"""Errors of Azure Resource Manager, in the form in which it sends them.

Source: "Azure Resource Manager REST API", error responses (`{"error": {"code", "message"}}`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kubeauth.testing.wire.http import json_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubeauth.testing.wire.http import Response


class Refused(Exception):
    """Resource Manager refuses a request; `answer` says so to the client."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        error = {"code": code, "message": message}
        self.answer: Response = json_response(status, {"error": error}, headers)


def unauthenticated(code: str, message: str, authority: str, challenge: str = "") -> Refused:
    """Return a 401 with its challenge (RFC 6750 section 3); `challenge` is more of its fields."""
    fields = f'authorization_uri="{authority}", error="invalid_token"'
    return Refused(401, code, message, {"WWW-Authenticate": f"Bearer {fields}{challenge}"})


def forbidden(caller: Mapping[str, object], action: str, scope: str) -> Refused:
    """Return the 403 for a caller without a role that has `action` on `scope`."""
    client = caller.get("upn") or caller.get("appid")
    return Refused(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{caller.get('oid')}' does not have authorization "
        f"to perform action '{action}' over scope '{scope}' or the scope is invalid. If access was "
        "recently granted, please refresh your credentials.",
    )


def not_found(resource: str, group: str) -> Refused:
    """Return the 404 for a resource (`TYPE/NAME`) that its group does not have."""
    return Refused(
        404,
        "ResourceNotFound",
        f"The Resource '{resource}' under resource group '{group}' was not found. For more details "
        "please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def unknown_version(version: str, kind: str, known: tuple[str, ...]) -> Refused:
    """Return the 400 for an api-version that a resource provider does not have here."""
    return Refused(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location 'westeurope' and API version "
        f"'{version}' for type '{kind}'. The supported api-versions are '{', '.join(known)}'. The "
        "supported locations are 'westeurope, northeurope'.",
    )
