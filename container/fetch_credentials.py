"""Print the kubeconfig of an AKS cluster, as `az aks get-credentials` fetches it.

Reads an ExecCredential from stdin, whose token is good for Azure Resource Manager; which cluster is
meant, from the variables RESOURCE_MANAGER, SUBSCRIPTION_ID, RESOURCE_GROUP and CLUSTER_NAME. The
call is "Managed Clusters - List Cluster User Credentials" in the Azure REST API. Needs nothing but
Python.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import urllib.error
import urllib.request
from urllib.parse import quote

VERSION = "2025-10-01"
HINTS = {
    401: "check that resource-manager belongs to the cloud that was signed in to",
    403: "give it the role Azure Kubernetes Service Cluster User Role on the cluster",
    404: "check subscription-id, resource-group and cluster-name",
}


def main() -> int:
    """Give the exit code: 0, or 2 for what is missing, 5 for a refusal, 7 for no answer."""
    names = ("RESOURCE_MANAGER", "SUBSCRIPTION_ID", "RESOURCE_GROUP", "CLUSTER_NAME")
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        wanted = ", ".join(name.lower().replace("_", "-") for name in missing)
        return fail(2, f"no {wanted}", "give all of them, or give kubeconfig")
    base, subscription, group, name = (os.environ[each] for each in names)
    url = (
        f"{base.rstrip('/')}/subscriptions/{quote(subscription, '')}/resourceGroups/"
        f"{quote(group, '')}/providers/Microsoft.ContainerService/managedClusters/"
        f"{quote(name, '')}/listClusterUserCredential?api-version={VERSION}&format=exec"
    )
    token = json.load(sys.stdin)["status"]["token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=b"", headers=headers, method="POST")  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            (kubeconfig, *_) = json.load(answer)["kubeconfigs"]
    except urllib.error.HTTPError as error:
        return fail(5, f"HTTP {error.code}", HINTS.get(error.code, "run the job again"))
    except OSError as error:
        reason = getattr(error, "reason", error)
        return fail(7, f"{base} cannot be reached ({reason})", "check network and proxy")
    sys.stdout.write(base64.b64decode(kubeconfig["value"]).decode())
    return 0


def fail(code: int, why: str, hint: str) -> int:
    """Say what failed."""
    sys.stderr.write(f"error: the cluster's credentials: {why}\nhint: {hint}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
