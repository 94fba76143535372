#!/bin/sh
# Let kubectl sign in, then run COMMAND, in the folder that the container was started in.
set -eu

if [ -z "${COMMAND:-}" ]; then
    echo "error: there is nothing to run" >&2
    echo "hint: give run, for example: kubectl get nodes" >&2
    exit 2
fi
# Nothing of this is meant to outlive the container.
private=$(mktemp -d)
trap 'rm -rf "$private"' EXIT
export KUBECONFIG="$private/kubeconfig"
export KUBEAUTH_CACHE_DIR="$private/cache"
"$(dirname "$0")/configure.sh"
sh -ec "$COMMAND"
