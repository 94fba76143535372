"""Entra ID's answer: a token from the cache, or a new one that is not kept."""

from __future__ import annotations

from collections.abc import Iterator

from kubeauth.cache.location import cache_path
from kubeauth.cache.store import Store
from kubeauth.cache.tokens import TokenCache
from kubeauth.errors import InteractionRequired, KubeauthError
from kubeauth.options.logins import find_login
from kubeauth.providers.base import Provider, provider_for
from kubeauth.record import replace
from kubeauth.system import System
from kubeauth_plugin.doctor.finding import REQUEST_LIMIT, Finding, Scene, from_error
from kubeauth_plugin.whoami.target import Target

__all__ = ["check", "new_token"]


def check(scene: Scene) -> Iterator[Finding]:
    """Get a token for the API server. Ask a person only if that is allowed."""
    target = scene.target
    if target is None:
        return
    try:
        provider = _provider(target, kept=True)
        scene.token = _kept_token(provider, target)
        if scene.token:
            scene.seen.append(("token", "in the cache"))
        elif scene.blocked:
            return
        elif scene.may_ask:
            from kubeauth_plugin.whoami.account import sign_in

            scene.token = scene.fresh_token = sign_in(target).presented
        else:
            scene.token = scene.fresh_token = new_token(target)
    except InteractionRequired:
        yield Finding("Entra ID", "no token is cached, and only you can sign in", _ask(scene))
    except KubeauthError as error:
        yield from_error("Entra ID", error)
    else:
        if scene.fresh_token:
            scene.seen.append(("token", "Entra ID issued a new one"))


def _ask(scene: Scene) -> str:
    from kubeauth_plugin.trust.rule import quoted

    return quoted(["kubeauth", "doctor", "--context", scene.context, "--sign-in"])


def new_token(target: Target) -> str:
    """Sign in without a person, and keep nothing; raises SignInError."""
    if find_login(target.settings.login).human and target.settings.login != "ropc":
        raise InteractionRequired("a person must sign in", hint="give --sign-in")
    return _provider(target, kept=False).token().token


def _provider(target: Target, *, kept: bool) -> Provider:
    limit = min(target.settings.timeout or 2 * REQUEST_LIMIT, 2 * REQUEST_LIMIT)
    settings = replace(target.settings, timeout=limit)
    if not kept:
        settings = replace(settings, cache_storage="none")
    return provider_for(settings, System(environ=target.environ, warn=lambda _: None))


def _kept_token(provider: Provider, target: Target) -> str:
    settings = target.settings
    if settings.pop_enabled:
        return ""
    path = cache_path(settings.cache_dir, target.environ)
    store = Store(path, settings.cache_storage, lambda _: None, "")
    kept = TokenCache(store).get(provider.key())
    if kept is None or kept.token.seconds_left(System().now()) <= 0:
        return ""
    return kept.token.token
