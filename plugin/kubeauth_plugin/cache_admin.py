"""List the token cache, and delete tokens and sessions from it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Final

from kubeauth.cache.keyring_key import NoKeyring, forget_key
from kubeauth.cache.sessions import SessionStore
from kubeauth.cache.storage.folder import PrivateFolder
from kubeauth.cache.storage.names import (
    ENCRYPTED_SESSION,
    FAILURE,
    LAST_CALLER,
    PLAIN_SESSION,
    RECORD,
    SHOWN,
    TOKEN,
    is_cache_file,
)
from kubeauth.cache.storage.store import Store
from kubeauth.cache.tokens import Entry, TokenCache
from kubeauth.errors import KubeauthError, SettingsError
from kubeauth.kubeconfig.entry import find_sign_in, read_kubeconfigs
from kubeauth.options.resolve import resolve
from kubeauth.options.settings import Settings
from kubeauth.providers.base import provider_for
from kubeauth.system import System
from kubeauth_plugin.diagnostics import warn
from kubeauth_plugin.output import counted

__all__ = ["clear", "contexts_of_tokens", "forget", "kept"]

_RECORDS: Final = (RECORD, LAST_CALLER, FAILURE, SHOWN)


def contexts_of_tokens(environ: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the names of the contexts that use a token, by the digest of its file's name.

    A context whose user does not sign in, or is incomplete, uses none. Runs no program and sends
    nothing.
    """
    found: dict[str, list[str]] = {}
    try:
        merged = read_kubeconfigs(None, environ)
    except KubeauthError:
        return found
    for name, context in merged.contexts.items():
        with contextlib.suppress(KubeauthError):
            sign_in = find_sign_in("", context.user, None, environ)
            surroundings = {**environ, **sign_in.environ}
            settings = resolve(sign_in.values, surroundings)
            # A token that is bound to a key is found by that key, which this would make.
            if not settings.pop_enabled:
                provider = provider_for(settings, System(environ=surroundings, warn=lambda _: None))
                found.setdefault(provider.key().digest, []).append(name)
    return found


def kept(path: str) -> list[tuple[Entry, bool]]:
    """Return every token in the cache ``path``, and whether it has a session."""
    store = Store(path, "file", warn)
    sessions = set(SessionStore(store, warn).digests())
    return [(entry, entry.session in sessions) for entry in TokenCache(store).entries()]


def forget(path: str, settings: Settings) -> Iterator[str]:
    """Delete the tokens and the session of one identity, for all API servers; yield a line each."""
    store = Store(path, "file", warn)
    tokens, sessions = TokenCache(store), SessionStore(store, warn)
    wanted = {"login": settings.login, "tenant": settings.tenant_id.lower()}
    if settings.client_id:
        wanted["client"] = settings.client_id
    ended = set()
    for entry in tokens.entries():
        about = entry.about
        if all(not value or about.get(name) == value for name, value in wanted.items()):
            tokens.forget(entry.digest)
            ended.add(entry.session)
            yield f"removed the token of {about.get('user')} for {about.get('server')}"
    for digest in sorted(ended):
        if sessions.forget(digest):
            yield "removed the session that could have renewed it"
    # A record does not name its token, so delete all records; each costs one slower call.
    for name in store.names():
        if name.endswith(_RECORDS):
            store.delete(name)


def clear(path: str) -> Iterator[str]:
    """Delete kubeauth's files in ``path`` and its key in the keyring; yield a line for each kind.

    Leave other files, and the folder that has some. Raises SettingsError if deleting fails.
    """
    folder = PrivateFolder(path)
    removed: list[str] = []
    failed: OSError | None = None
    try:
        for name in folder.names():
            try:
                if is_cache_file(name) and folder.delete(name):
                    removed.append(name)
            except OSError as error:  # the others must not stay because of this one
                failed = error
        folder.remove_if_empty()
    except OSError as error:
        failed = error
    tokens = sum(name.endswith(TOKEN) for name in removed)
    sessions = sum(name.endswith((PLAIN_SESSION, ENCRYPTED_SESSION)) for name in removed)
    if failed is not None and not removed:
        raise _uncleared(path, failed) from failed
    yield f"removed {counted(tokens, 'token')} and {counted(sessions, 'session')} from {path}"
    if any(name.endswith(ENCRYPTED_SESSION) for name in removed):
        try:
            if forget_key():
                yield "removed the encryption key from the keyring"
        except NoKeyring as error:
            yield f"the encryption key may still be in the keyring: {error}"
    if failed is not None:
        raise _uncleared(path, failed) from failed


def _uncleared(path: str, error: OSError) -> SettingsError:
    return SettingsError(
        f"cache-dir: cannot clear all of {path} ({error})",
        hint="check who owns the folder and which program has the file open, then run it again",
    )
