"""A 401: find its cause by evidence; without any, list the causes that remain.

An API server says nothing about the cause. So read the token, and try others.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Final

from kubeauth.clouds import AKS_SERVER_ID, ARC_SERVER_ID
from kubeauth.errors import InteractionRequired, KubeauthError
from kubeauth.jwt import claims_of
from kubeauth.kubeconfig.entry import Cluster
from kubeauth.options.logins import find_login
from kubeauth.options.settings import Settings
from kubeauth.record import replace
from kubeauth.system import System
from kubeauth_plugin.doctor.entra import new_token
from kubeauth_plugin.doctor.finding import Finding, Scene, Token, aks_cloud, ask_az, set_clock
from kubeauth_plugin.doctor.token_file import keep_again
from kubeauth_plugin.whoami.api_server import review
from kubeauth_plugin.whoami.facts import Facts, date_of, facts_of
from kubeauth_plugin.whoami.target import Target

__all__ = ["cause_of_401"]

_SUBJECT: Final = "API server: 401"
_SKEW: Final = 300.0


def cause_of_401(scene: Scene, cluster: Cluster, date: str) -> Iterator[Finding]:
    """Say why the API server rejects the token; ``date`` is the server's own time (RFC 9110)."""
    token, target = scene.token, scene.target
    if token is None:
        return
    facts = facts_of(token.issued)
    if not claims_of(token.issued):
        place = f"what stands in {token.file}" if token.file else "the token"
        line = scene.fetch()
        if token.file:
            line = keep_again(scene, token.file)
        yield Finding(_SUBJECT, f"{place} is no JWT", line)
        return
    found = _by_time(facts, date)
    if found is not None:
        # The finding about the clock has said it.
        if not scene.clock_is_off:
            yield found
        return
    if target is not None and (found := _by_trial(scene, target, token, cluster)):
        yield found
        return
    yield (
        _by_groups(facts, cluster)
        or _by_proof(scene, token, facts)
        or _by_audience(scene, facts, cluster)
        or _by_tenant(scene, facts)
        or _by_a_person(scene, token)
        or _what_is_left(scene, facts, cluster)
    )


def _by_time(facts: Facts, date: str) -> Finding | None:
    try:
        now = parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        now = System().now()
    line = set_clock()
    if facts.expires_at is not None and facts.expires_at <= now:
        problem = f"the token expired on {date_of(facts.expires_at)}; the server has {date_of(now)}"
        return Finding(_SUBJECT, problem, line)
    if facts.issued_at is not None and facts.issued_at > now + _SKEW:
        problem = f"the token is of {date_of(facts.issued_at)}, but the server has {date_of(now)}"
        return Finding(_SUBJECT, f"{problem}: the server's clock is slow", line)
    return None


def _by_trial(scene: Scene, target: Target, token: Token, cluster: Cluster) -> Finding | None:
    """Try a new token, then tokens for the audiences that API servers usually want."""
    settings = target.settings
    if not token.is_new and _accepted(scene, target, settings, cluster):
        logout = scene.command_line("logout")
        text = "the cached token was revoked; a new one is accepted"
        # With --sign-in the new one is in the cache now.
        return Finding(_SUBJECT, text, "kubectl get pods" if scene.may_ask else logout)
    others = []
    if settings.legacy:
        others.append((replace(settings, legacy=False), "legacy", "false"))
    if settings.server_id != AKS_SERVER_ID:
        other = replace(settings, server_id=AKS_SERVER_ID, legacy=False)
        others.append((other, "server_id", AKS_SERVER_ID))
    for other, name, value in others:
        if _accepted(scene, target, other, cluster):
            found = facts_of(token.issued).audience
            problem = f"the token is for {found}; the server accepts one for {other.server_id}"
            return Finding(_SUBJECT, problem, scene.change(name, value))
    return None


def _accepted(scene: Scene, target: Target, settings: Settings, cluster: Cluster) -> bool:
    """Whether the API server accepts a new token for these settings; ask no person twice."""
    try:
        if scene.may_ask and settings != target.settings:
            return False
        token = new_token(scene, target, settings, force=True)
        return bool(review(cluster, token.presented, target.environ).user)
    except (InteractionRequired, KubeauthError):
        return False


def _by_groups(facts: Facts, cluster: Cluster) -> Finding | None:
    if not facts.overage:
        return None
    if facts.kind == "application":
        problem = "the application is in more than 200 groups, which AKS refuses"
        line = (
            f"az rest --url https://graph.microsoft.com/v1.0/servicePrincipals/{facts.object_id}"
            "/memberOf --query 'value[].displayName'"
        )
        return Finding(_SUBJECT, f"{problem}: remove it from some", line)
    if aks_cloud(cluster):
        return None
    return Finding(
        _SUBJECT,
        "you are in more than 200 groups, so the token names none; an API server of your own that "
        "reads groups from the token refuses it: have its application issue assigned groups only",
        f"az ad app update --id {facts.audience} --set groupMembershipClaims=ApplicationGroup",
    )


def _by_proof(scene: Scene, token: Token, facts: Facts) -> Finding | None:
    """Compare plain and bound tokens with what the server wants."""
    if facts.audience == ARC_SERVER_ID and token.presented == token.issued:
        problem = "clusters of Azure Arc want a proof of possession, and the token is a plain one"
        flags = ("--pop-enabled=true", "--pop-claims", "u=CLUSTER-ID")
        return Finding(_SUBJECT, problem, scene.convert(*flags))
    if token.presented == token.issued:
        return None
    host = str(claims_of(token.presented).get("u", ""))
    problem = (
        f"the server rejects the proof of possession, which names the cluster u={host}: it wants "
        "its own resource id there, or plain tokens"
    )
    line = "az connectedk8s list --query '[].id' --output tsv"
    return Finding(_SUBJECT, scene.foreign(problem), line)


def _by_audience(scene: Scene, facts: Facts, cluster: Cluster) -> Finding | None:
    if not aks_cloud(cluster) or facts.audience == AKS_SERVER_ID:
        return None
    problem = f"the token is for {facts.audience}, but AKS wants {AKS_SERVER_ID}"
    if facts.audience.startswith("spn:"):
        return Finding(_SUBJECT, problem, scene.change("legacy", "false"))
    return Finding(_SUBJECT, problem, scene.change("server_id", AKS_SERVER_ID))


def _by_tenant(scene: Scene, facts: Facts) -> Finding | None:
    """Compare the token's tenant with the one that the kubeconfig names, often the cluster's."""
    named = scene.sign_in.values.get("tenant_id", "").lower() if scene.sign_in else ""
    if "-" not in named or "." in named or named == facts.tenant.lower():
        return None
    problem = f"the token is of tenant {facts.tenant}, the kubeconfig names {named}"
    row = find_login(scene.target.settings.login) if scene.target else None
    if row and (command := row.sign_in_command(named)):
        return Finding(_SUBJECT, problem, command)
    return Finding(_SUBJECT, problem, scene.change("tenant_id", named))


def _by_a_person(scene: Scene, token: Token) -> Finding | None:
    """Advise a sign-in if only a person can get a new token."""
    login = scene.target.settings.login if scene.target else "msi"
    if token.is_new or scene.may_ask or login == "ropc" or not find_login(login).human:
        return None
    problem = (
        "the cached token was revoked, or the cluster trusts another tenant or audience; a new "
        "sign-in tells which"
    )
    return Finding(_SUBJECT, problem, scene.command_line("doctor", "--sign-in"))


def _what_is_left(scene: Scene, facts: Facts, cluster: Cluster) -> Finding:
    """Name the causes that no evidence rules out, and how to see which it is."""
    if aks_cloud(cluster):
        problem = (
            f"the server id is right and a new token does not help, so the cluster trusts another "
            f"tenant than {facts.tenant}; this line prints which"
        )
        return Finding(_SUBJECT, problem, ask_az(cluster, "aadProfile.tenantID"))
    tried = "" if scene.token and scene.token.is_new else ", unless it was revoked"
    issuers = {
        "1.0": f"https://sts.windows.net/{facts.tenant}/",
        "2.0": f"https://login.microsoftonline.com/{facts.tenant}/v2.0",
    }
    other = "1.0" if facts.version == "2.0" else "2.0"
    problem = (
        f"the token has version {facts.version[:1] or '1'} (issuer {facts.issuer}, audience "
        f"{facts.audience}); the server trusts another version's issuer ({issuers[other]}), "
        f"another tenant than {facts.tenant}, or another audience{tried}: compare with its "
        "--oidc-issuer-url and --oidc-client-id, or the issuers in its --authentication-config"
    )
    if facts.version == "2.0":
        application = facts.audience.rpartition("/")[2]
        line = f"az ad app update --id {application} --set api.requestedAccessTokenVersion=1"
        return Finding(_SUBJECT, f"{problem}; this line has version 1 issued", line)
    if scene.token and scene.token.file:
        return Finding(_SUBJECT, problem, keep_again(scene, scene.token.file))
    return Finding(_SUBJECT, problem, scene.command_line("token", "--decode"))
