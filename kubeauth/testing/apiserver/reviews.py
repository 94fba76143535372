"""`kubectl auth whoami`, `can-i` and `can-i --list`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kubeauth.testing.apiserver.failures import bad_request, status
from kubeauth.testing.apiserver.objects.resources import RESOURCES

if TYPE_CHECKING:
    from kubeauth.testing.apiserver.auth import Identity
    from kubeauth.testing.wire.http import Response

REVIEWS = {
    "selfsubjectaccessreviews": ("authorization.k8s.io", "SelfSubjectAccessReview"),
    "selfsubjectrulesreviews": ("authorization.k8s.io", "SelfSubjectRulesReview"),
    "selfsubjectreviews": ("authentication.k8s.io", "SelfSubjectReview"),
}
Forbidden = set[tuple[str, str]]
_SIGNED_IN = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*"]
_VERSION = ["/readyz", "/version", "/version/"]


def review(
    name: str, asked: dict[str, Any], identity: Identity, forbidden: Forbidden
) -> dict[str, Any] | Response:
    """Return the answer to a review, or a failure."""
    group, kind = REVIEWS[name]
    asked = {"metadata": {}, **asked, "kind": kind, "apiVersion": f"{group}/v1"}
    spec = asked.get("spec") or {}
    if name == "selfsubjectreviews":
        user = {
            "username": identity.name,
            "uid": identity.uid,
            "groups": list(identity.groups),
            "extra": {"oid": [identity.uid]} if identity.uid else {},
        }
        known = {name: value for name, value in user.items() if value}
        return {**asked, "status": {"userInfo": known}}
    if name == "selfsubjectrulesreviews":
        if not spec.get("namespace"):
            return bad_request("no namespace on request")
        return {**asked, "spec": {}, "status": _rules(forbidden)}
    attributes = spec.get("resourceAttributes")
    if bool(attributes) == bool(spec.get("nonResourceAttributes")):
        return _no_attributes(group)
    rule = (attributes.get("verb", ""), attributes.get("resource", "")) if attributes else ("", "")
    return {**asked, "status": {"allowed": rule not in forbidden}}


def _no_attributes(group: str) -> Response:
    text = "Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes "
    text += "must be specified"
    cause = {"reason": "FieldValueInvalid", "message": text, "field": "spec"}
    message = f'.{group} "" is invalid: spec: {text}'
    return status(422, "Invalid", message, {"group": group, "causes": [cause]})


def _rules(forbidden: Forbidden) -> dict[str, Any]:
    """Return what a user may do: everything, or each resource with the verbs that are left."""
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    rules = (
        [everything]
        if not forbidden
        else [
            {
                "verbs": [
                    verb for verb in resource.verbs if (verb, resource.name) not in forbidden
                ],
                "apiGroups": [resource.group],
                "resources": [resource.name],
            }
            for resource in RESOURCES
        ]
    )
    for group in dict.fromkeys(group for group, _ in REVIEWS.values()):
        names = sorted(name for name, (owner, _) in REVIEWS.items() if owner == group)
        rules.append({"verbs": ["create"], "apiGroups": [group], "resources": names})
    urls = [["*"]] if not forbidden else []
    addresses = [{"verbs": ["*"], "nonResourceURLs": one} for one in urls]
    addresses.append({"verbs": ["get"], "nonResourceURLs": [*_SIGNED_IN, *_VERSION]})
    return {
        "resourceRules": [rule for rule in rules if rule["verbs"]],
        "nonResourceRules": addresses,
        "incomplete": False,
    }
