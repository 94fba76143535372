#!/bin/sh
# On an Azure machine or self-hosted runner: kubectl signs in as a managed identity of
# the machine. AZURE_CLIENT_ID names a user-assigned one; leave it unset for the
# system-assigned one. KUBECONFIG is what `az aks get-credentials --file` wrote.
set -eu

python3 -m venv "$HOME/kubeauth"
"$HOME/kubeauth/bin/pip" install --quiet kubeauth==0.1.0
export PATH="$HOME/kubeauth/bin:$PATH"
kubeauth convert-kubeconfig -l msi ${AZURE_CLIENT_ID:+--client-id "$AZURE_CLIENT_ID"}
kubectl get nodes
