"""Entra ID's answer: a token from the cache, or a new one that is not kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from kubeauth.cache.sessions import SessionStore
from kubeauth.cache.storage.location import cache_path
from kubeauth.cache.storage.store import Store
from kubeauth.cache.tokens import TokenCache
from kubeauth.clouds import AKS_SERVER_ID
from kubeauth.errors import InteractionRequired, KubeauthError, SignInRefused
from kubeauth.options.logins import find_login
from kubeauth.options.resolve import with_origins
from kubeauth.options.settings import Settings
from kubeauth.providers.base import Provider, provider_for
from kubeauth.record import replace
from kubeauth.system import System
from kubeauth_plugin.doctor.finding import REQUEST_LIMIT, Finding, Scene, Token, from_error
from kubeauth_plugin.whoami.facts import date_of, facts_of
from kubeauth_plugin.whoami.target import Target

__all__ = ["check", "new_token"]


def check(scene: Scene) -> Iterator[Finding]:
    """Get a token for the API server. Ask a person only if that is allowed."""
    target = scene.target
    if target is None:
        return
    try:
        scene.token = _kept_token(target)
        if scene.token is not None:
            ends = date_of(facts_of(scene.token.issued).expires_at)
            scene.seen.append(("token", f"in the cache, until {ends}"))
        elif not scene.blocked:
            scene.token = new_token(scene, target)
            scene.seen.append(("token", "Entra ID issued a new one"))
    except InteractionRequired as error:
        yield from _only_a_person(scene, target, error)
    except SignInRefused as error:
        line = with_origins(error.hint, target.settings)
        if error.code == "AADSTS500011":
            line = scene.change("server_id", AKS_SERVER_ID)
        yield Finding("Entra ID", str(error), line)
    except KubeauthError as error:
        yield from_error("Entra ID", error)


def _only_a_person(scene: Scene, target: Target, error: InteractionRequired) -> Iterator[Finding]:
    if scene.may_ask:
        yield from_error("Entra ID", error)
    elif _has_session(target):
        line = scene.command_line("doctor", "--sign-in")
        scene.seen.append(("token", f"none, but a session is kept, which renews it; {line} tries"))
    else:
        line = scene.command_line("doctor", "--sign-in")
        yield Finding("Entra ID", "no token is cached, and only you can sign in", line)


def new_token(
    scene: Scene, target: Target, settings: Settings | None = None, *, force: bool = False
) -> Token:
    """Sign in and keep nothing; where a person may be asked, keep what they signed in for.

    ``settings`` are others than the target's. With ``force``, the cache does not count. Raises
    InteractionRequired if only a person can, and SignInError.
    """
    wanted = target.settings if settings is None else settings
    if scene.may_ask:
        from kubeauth_plugin.whoami.account import sign_in

        account = sign_in(_with(target, replace(wanted, force_refresh=force)), asked_for=True)
        return Token(account.token, account.presented, is_new=True)
    if find_login(wanted.login).human and wanted.login != "ropc":
        raise InteractionRequired("a person must sign in", hint="give --sign-in")
    provider = _provider(_with(target, replace(wanted, cache_storage="none")))
    issued = provider.obtain().token
    return Token(issued.token, provider.presented(issued).token, is_new=True)


def _with(target: Target, settings: Settings) -> Target:
    return dataclasses.replace(target, settings=settings)


def _provider(target: Target) -> Provider:
    limit = min(target.settings.timeout or 2 * REQUEST_LIMIT, 2 * REQUEST_LIMIT)
    settings = replace(target.settings, timeout=limit)
    return provider_for(settings, System(environ=target.environ, warn=lambda _: None))


def _store(target: Target) -> Store:
    settings = target.settings
    path = cache_path(settings.cache_dir, target.environ)
    return Store(path, settings.cache_storage, lambda _: None, "")


def _kept_token(target: Target) -> Token | None:
    """Return the cache's token while it is good; the cache stays as it is."""
    store = _store(target)
    if store.folder is None:
        return None
    provider = _provider(target)
    kept = TokenCache(store).get(provider.key())
    if kept is None or kept.token.seconds_left(System().now()) <= 0:
        return None
    return Token(kept.token.token, provider.presented(kept.token).token)


def _has_session(target: Target) -> bool:
    return SessionStore(_store(target), lambda _: None).has(_provider(target).key())
