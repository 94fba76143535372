#!/bin/sh
# Write the file KUBECONFIG, from CLUSTER_KUBECONFIG or by asking Azure Resource Manager, and let its
# users sign in by LOGIN. Used by the action and by the container. FLAGS are words, as on a command
# line, for convert-kubeconfig; those that sign in count for Azure Resource Manager, too.
set -euf

here=$(dirname "$0")
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
elif [ -n "${CLUSTER_NAME:-}" ]; then
    python3 "$here/fetch_credentials.py" "$@" > "$KUBECONFIG"
else
    echo "error: there is no cluster to sign in to" >&2
    echo "hint: give kubeconfig, or subscription-id, resource-group and cluster-name" >&2
    exit 2
fi
kubeauth convert-kubeconfig "$@"
