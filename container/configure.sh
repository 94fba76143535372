#!/bin/sh
# Write the file KUBECONFIG, from CLUSTER_KUBECONFIG or by asking Azure Resource Manager, and let its
# users sign in by LOGIN. Used by the action and by the container. FLAGS are words, as on a command
# line, for convert-kubeconfig or get-credentials.
set -euf

set -- --login "$LOGIN"
[ "$LOGIN" != workloadidentity ] || [ -z "${ACTIONS_ID_TOKEN_REQUEST_URL:-}${GITHUB_ACTIONS:-}" ] ||
    set -- "$@" --assertion-source github
[ -z "${CLIENT_ID:-}" ] || set -- "$@" --client-id "$CLIENT_ID"
[ -z "${TENANT_ID:-}" ] || set -- "$@" --tenant-id "$TENANT_ID"
# shellcheck disable=SC2086  # words, as on a command line
set -- "$@" ${FLAGS:-}

umask 077
mkdir -p "$(dirname "$KUBECONFIG")"
if [ -n "${CLUSTER_KUBECONFIG:-}" ]; then
    printf '%s\n' "$CLUSTER_KUBECONFIG" > "$KUBECONFIG"
    kubeauth convert-kubeconfig "$@"
elif [ -n "${CLUSTER_NAME:-}" ]; then
    [ -z "${SUBSCRIPTION_ID:-}" ] || set -- "$@" --subscription "$SUBSCRIPTION_ID"
    [ -z "${RESOURCE_MANAGER:-}" ] || set -- "$@" --resource-manager "$RESOURCE_MANAGER"
    kubeauth get-credentials --resource-group "${RESOURCE_GROUP:-}" --name "$CLUSTER_NAME" "$@"
else
    echo "error: there is no cluster to sign in to" >&2
    echo "hint: give kubeconfig, or subscription-id, resource-group and cluster-name" >&2
    exit 2
fi
