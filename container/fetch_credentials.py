"""Print the kubeconfig of an AKS cluster, as `az aks get-credentials` fetches it.

Takes the flags of `kubeauth get-token`, for the sign-in to Azure Resource Manager; which cluster is
meant, from the variables RESOURCE_MANAGER, SUBSCRIPTION_ID, RESOURCE_GROUP and CLUSTER_NAME. The
call is "Managed Clusters - List Cluster User Credentials" in the Azure REST API. Needs kubeauth in
the Python that runs it.
"""

from __future__ import annotations

import base64
import os
import sys
from contextlib import closing
from urllib.parse import quote

from kubeauth import KubeauthError, SettingsError, SignInRefused, System, Unreachable, from_settings
from kubeauth.adapters.answer import Answer
from kubeauth.adapters.http import open_session
from kubeauth.adapters.request_failed import RequestFailed
from kubeauth.adapters.unreachable import unreachable
from kubeauth.clouds import is_https_address
from kubeauth.options.flags import BY_NAME, parse, value_of
from kubeauth.options.resolve import resolve
from kubeauth_plugin.diagnostics import guarded, warn

VERSION = "2025-10-01"
NAMES = ("RESOURCE_MANAGER", "SUBSCRIPTION_ID", "RESOURCE_GROUP", "CLUSTER_NAME")
# What is asked of the cluster's token, and is none of Resource Manager's business.
OF_THE_CLUSTER = {"legacy", "pop_enabled", "pop_claims", "server_id"}
HINTS = {
    401: "check that resource-manager belongs to the cloud that was signed in to",
    403: "give it the role Azure Kubernetes Service Cluster User Role on the cluster",
    404: "check subscription-id, resource-group and cluster-name",
}


def kubeconfig(argv: list[str]) -> str:
    """Give the kubeconfig; raises KubeauthError."""
    missing = [name for name in NAMES if not os.environ.get(name)]
    if missing:
        wanted = ", ".join(name.lower().replace("_", "-") for name in missing)
        hint = "give all of them, or give kubeconfig"
        raise SettingsError(f"the cluster's credentials: no {wanted}", hint=hint)
    base, subscription, group, name = (os.environ[each] for each in NAMES)
    if not is_https_address(base):
        hint = "give it like https://management.azure.com"
        raise SettingsError(f"resource-manager: {base!r} is not an https URL", hint=hint)
    url = (
        f"{base.rstrip('/')}/subscriptions/{quote(subscription, '')}/resourceGroups/"
        f"{quote(group, '')}/providers/Microsoft.ContainerService/managedClusters/"
        f"{quote(name, '')}/listClusterUserCredential?api-version={VERSION}&format=exec"
    )
    try:
        texts, _ = parse(argv)
        flags = {BY_NAME[flag].field: value_of(BY_NAME[flag], text) for flag, text in texts.items()}
    except ValueError as error:
        raise SettingsError(f"flags: {error}", hint="see `kubeauth get-token --help`") from error
    flags = {field: value for field, value in flags.items() if field not in OF_THE_CLUSTER}
    settings = resolve({**flags, "server_id": base, "cache_storage": "none"}, os.environ)
    token = from_settings(settings, system=System(warn=warn)).get_token().token
    what = f"the credentials of {name}"
    with closing(open_session(environ=os.environ, ca_file=settings.ca_file)) as session:
        try:
            answer = session.post(url, headers={"Authorization": f"Bearer {token}"}, data=b"")
        except RequestFailed as error:
            raise unreachable(what, error) from error
    if answer.status_code >= 300:
        raise refusal(answer, what)
    try:
        return base64.b64decode(answer.json()["kubeconfigs"][0]["value"]).decode()
    except (ValueError, TypeError, LookupError) as error:
        hint = "check resource-manager, and whether a proxy answers in its place"
        raise Unreachable(f"{what}: {base} answered without a kubeconfig", hint=hint) from error


def refusal(answer: Answer, what: str) -> KubeauthError:
    """Make the error for an answer that is none ("Azure Resource Manager", error responses)."""
    try:
        error = answer.json()["error"]
        said = f"{error['code']}: {error['message']} (HTTP {answer.status_code})"
    except (ValueError, TypeError, LookupError):
        said = f"HTTP {answer.status_code}"
    if answer.status_code == 429 or answer.status_code >= 500:
        return Unreachable(f"{what}: {said}", hint="run the job again")
    hint = HINTS.get(answer.status_code, "check the inputs that the error names")
    return SignInRefused(f"{what}: {said}", hint=hint, code=f"HTTP {answer.status_code}")


if __name__ == "__main__":
    sys.exit(guarded(lambda: sys.stdout.write(kubeconfig(sys.argv[1:]))))
