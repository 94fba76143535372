"""Kubeconfigs as `az aks get-credentials` writes them."""

from __future__ import annotations

import base64

_HEAD = """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: {ca}
    server: {server}
  name: {context}
contexts:
- context:
    cluster: {context}
    user: {user}
  name: {context}
current-context: {context}
kind: Config
preferences: {{}}
users:
- name: {user}
  user:
"""

_EXEC = """\
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - get-token
      - --environment
      - AzurePublicCloud
      - --server-id
      - {server_id}
      - --client-id
      - {client_id}
      - --tenant-id
      - {tenant_id}
      - --login
      - devicecode
      command: kubelogin
      env: null
      installHint: |2

        kubelogin is not installed which is required to connect to AAD enabled cluster.

        To learn more, please go to https://aka.ms/aks/kubelogin
      provideClusterInfo: false
"""

_AZURE = """\
    auth-provider:
      config:
        apiserver-id: {server_id}
        client-id: {client_id}
        config-mode: "1"
        environment: AzurePublicCloud
        tenant-id: {tenant_id}
      name: azure
"""

_CERTIFICATE = """\
    client-certificate-data: {certificate}
    client-key-data: {key}
    token: {token}
"""

_STATIC = """\
    token: {token}
"""


def kubeconfig(
    *,
    style: str,
    context: str,
    server: str,
    ca_pem: bytes,
    server_id: str = "",
    client_id: str = "",
    tenant_id: str = "",
    token: str = "",
    user: str = "",
    certificate_pem: bytes = b"",
    key_pem: bytes = b"",
) -> str:
    """Return a kubeconfig with one user of `style` "exec", "azure", "token" or "certificate".

    A local account has the style "certificate". Raises ValueError for another style.
    """
    users = {"exec": _EXEC, "azure": _AZURE, "token": _STATIC, "certificate": _CERTIFICATE}
    if style not in users:
        raise ValueError(f"style is one of {', '.join(users)}, not {style!r}")
    return (_HEAD + users[style]).format(
        ca=base64.b64encode(ca_pem).decode(),
        server=server,
        context=context,
        user=user or f"clusterUser_rg_{context}",
        server_id=server_id,
        client_id=client_id,
        tenant_id=tenant_id,
        token=token,
        certificate=base64.b64encode(certificate_pem).decode(),
        key=base64.b64encode(key_pem).decode(),
    )
