#!/bin/sh
# Python starts a zip more slowly than a script, so the script that an earlier call unpacked goes
# first, if it is this user's own. -I and -S keep other modules of this machine out of the way.
kept="${XDG_CACHE_HOME:-${HOME-}/.cache}/kubeauth/@DIGEST@"
command -v python3 >/dev/null || {
    echo "error: kubeauth: there is no python3 on PATH" >&2
    echo "hint: install Python 3.10 or newer" >&2
    exit 8
}
# A shell without -O (POSIX has none) takes the slower way.
# shellcheck disable=SC3067
[ -O "$kept" ] && [ -O "$kept/start.py" ] && exec python3 -IS "$kept/start.py" "$0" "$@"
exec python3 -IS "$0" "$@"
