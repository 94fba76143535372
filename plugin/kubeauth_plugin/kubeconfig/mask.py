"""A kubeconfig's text, safe to print: what is not known to be harmless is shown as stars."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from kubeauth.kubeconfig.node import Node
from kubeauth.kubeconfig.parse import parse
from kubeauth_plugin.kubeconfig.edit import Edit, apply

__all__ = ["is_harmless_variable", "masked"]

_MASK: Final = '"***"'
# Fields whose values are no secrets: names, places, public keys, and how a plugin is run.
_HARMLESS: Final = frozenset(
    {
        *("apiVersion", "kind", "name", "current-context", "context", "cluster", "user"),
        *("namespace", "server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url"),
        *("certificate-authority", "certificate-authority-data", "disable-compression"),
        *("client-certificate", "client-certificate-data", "client-key", "tokenFile"),
        *("username", "as", "as-uid", "as-groups", "command", "interactiveMode", "installHint"),
        *("provideClusterInfo", "config-mode", "apiserver-id", "tenant-id", "client-id"),
        *("environment", "expires-on", "expires-in", "idp-issuer-url", "last-update"),
        *("provider", "version", "colors"),
    }
)
# Variables of an exec block whose values are no secrets.
_HARMLESS_VARIABLES: Final = re.compile(
    r"AAD_LOGIN_METHOD|AAD_SERVICE_PRINCIPAL_CLIENT_ID|AAD_USER_PRINCIPAL_NAME|AWS_PROFILE"
    r"|AWS_REGION|AZURE_(AUTHORITY_HOST|CLIENT_ID|CONFIG_DIR|FEDERATED_TOKEN_FILE|TENANT_ID)"
    r"|AZURE_CLIENT_CERTIFICATE_PATH|AZD_CONFIG_DIR|HOME|KUBEAUTH_(CACHE_DIR|CACHE_STORAGE)"
    r"|KUBECACHEDIR|KUBECONFIG|PATH|SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|AZURE_(ENVIRONMENT_FILEPATH|CLI_TIMEOUT)|AZURESUBSCRIPTION_(CLIENT|TENANT)_ID"
    r"|AZURESUBSCRIPTION_SERVICE_CONNECTION_ID|KUBEAUTH_STRICT|KUBEAUTH_BACKGROUND_REFRESH"
)
_PROXIES: Final = re.compile(r"(HTTPS?|ALL|NO)_PROXY", re.IGNORECASE)
# A sub-command such as get-token; a longer word may be anything.
_WORD: Final = re.compile(r"[a-z][a-z-]{0,30}")
_USERINFO: Final = re.compile(r"://[^/\s]*@")


def masked(text: str, harmless_flags: Collection[str]) -> str:
    """Return the text with stars for every value that may be secret.

    ``harmless_flags`` are the arguments (``--tenant-id``) whose values are not secret. Raises
    KubeconfigError if the text cannot be read.
    """
    root = parse(text, "kubeconfig")
    secrets = _secrets(root, frozenset(harmless_flags)) if root is not None else ()
    return apply(text, [Edit(node.start, node.end, _MASK) for node in secrets])


def is_harmless_variable(name: str, value: str) -> bool:
    """Return whether a variable of an exec block holds no secret, as far as one can know."""
    if _PROXIES.fullmatch(name):
        return "@" not in value
    return bool(_HARMLESS_VARIABLES.fullmatch(name)) and not _USERINFO.search(value)


def _secrets(root: Node, harmless_flags: frozenset[str]) -> Iterator[Node]:
    """Yield the scalars that may be secret: by their field, variable or flag."""
    for node in root.walk():
        variable = _variable(node)
        for key, value in node.pairs:
            if value.kind == "list" and key.text == "args":
                yield from _arguments(value.items, harmless_flags)
            elif value.kind == "list" and key.text not in _HARMLESS:
                yield from (item for item in value.items if _may_be_secret(item))
            elif key.text == "value" and variable:
                if not is_harmless_variable(variable, value.text or ""):
                    yield from [value] if _may_be_secret(value) else ()
            elif key.text not in _HARMLESS or _USERINFO.search(value.text or ""):
                yield from [value] if _may_be_secret(value) else ()


def _may_be_secret(node: Node) -> bool:
    return node.kind == "scalar" and not node.is_null and node.text not in ("true", "false", "")


def _variable(node: Node) -> str:
    """Return the name of the variable that a map sets in an exec block, "" for other maps."""
    fields = {key.text: value for key, value in node.pairs}
    named = fields.get("name")
    return (named.text or "") if named is not None and "value" in fields else ""


def _arguments(items: Collection[Node], harmless_flags: frozenset[str]) -> Iterator[Node]:
    """Yield the arguments that may be secret: values of flags that are not known as harmless."""
    flag = ""
    for item in items:
        text = item.text or ""
        name, equals, _ = text.partition("=")
        if text.startswith("-") and not equals:
            flag = name
            continue
        owner = name if text.startswith("-") else flag
        first_word = not owner and bool(_WORD.fullmatch(text))
        flag = ""
        runs = "command:" in text  # a program's arguments may hold a secret
        known = owner in harmless_flags and not runs and not _USERINFO.search(text)
        if _may_be_secret(item) and not first_word and not known:
            yield item
