"""Entra ID's refusals, each provoked by a plain HTTP client."""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kubeauth.testing.entra.browser import Form
from kubeauth.testing.wire.jwt import Signer

JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


def code_of(response):
    return response.json()["error_codes"][0]


@pytest.fixture(scope="module")
def stranger():
    """A key that nobody registered."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def app(sim):
    return sim.tenant.add_application("ci")


@pytest.fixture
def client(ask, app, scope):
    """Ask for an application's token; None removes a field."""

    def send(tenant="", **changes):
        fields = {
            "grant_type": "client_credentials",
            "client_id": app.client_id,
            "client_secret": app.secret,
            "scope": scope,
            **changes,
        }
        return ask(tenant=tenant, **{k: v for k, v in fields.items() if v is not None})

    return send


def test_shape_of_an_error(sim, client):
    answer = client(client_secret="wrong")
    value = answer.json()
    assert answer.status_code == 401
    assert value["error"] == "invalid_client"
    assert value["error_description"].startswith("AADSTS7000215: ")
    for part in ("Trace ID: ", "Correlation ID: ", "Timestamp: "):
        assert part in value["error_description"]
    assert value["error_codes"] == [7000215]
    assert value["error_uri"] == f"{sim.authority}error?code=7000215"
    assert {"timestamp", "trace_id", "correlation_id"} <= value.keys()


@pytest.mark.parametrize(
    ("changes", "code", "error", "status"),
    [
        ({"tenant": "nowhere.example"}, 90002, "invalid_request", 400),
        ({"client_id": str(uuid.UUID(int=7))}, 700016, "unauthorized_client", 400),
        ({"client_id": None}, 900144, "invalid_request", 400),
        ({"grant_type": None}, 900144, "invalid_request", 400),
        ({"grant_type": "implicit"}, 70003, "unsupported_grant_type", 400),
        ({"client_secret": None}, 7000218, "invalid_client", 401),
        ({"scope": None}, 900144, "invalid_request", 400),
        ({"scope": "api://unknown/.default"}, 500011, "invalid_resource", 400),
        ({"scope": "user.read"}, 1002012, "invalid_scope", 400),
        ({"scope": "https://vault.azure.net/x y/.default"}, 1002012, "invalid_scope", 400),
        ({"client_secret": None, "client_assertion": "x"}, 900144, "invalid_request", 400),
        (
            {"client_secret": None, "client_assertion": "x", "client_assertion_type": JWT_BEARER},
            5002723,
            "invalid_client",
            401,
        ),
        ({"token_type": "pop"}, 900144, "invalid_request", 400),
    ],
)
def test_client_credentials(client, changes, code, error, status):
    answer = client(**changes)
    assert (code_of(answer), answer.json()["error"], answer.status_code) == (code, error, status)


def test_expired_secret(sim, app, client):
    fresh = app.add_secret(expires_in=60)
    assert client(client_secret=fresh).status_code == 200
    sim.advance(61)
    assert code_of(client(client_secret=fresh)) == 7000222


def test_basic_authentication(sim, http, app, scope):
    url = f"{sim.authority}{sim.tenant.id}/oauth2/v2.0/token"
    fields = {"grant_type": "client_credentials", "scope": scope}
    good = http.post(url, data=fields, auth=(app.client_id, app.secret), timeout=10)
    assert good.status_code == 200
    assert sim.requests[-1].client_id == app.client_id
    wrong = http.post(url, data=fields, auth=(app.client_id, "wrong"), timeout=10)
    assert code_of(wrong) == 7000215


def test_public_client_has_no_secret(sim, client):
    public = sim.tenant.add_application("cli", public=True)
    assert code_of(client(client_id=public.client_id)) == 700025
    assert code_of(client(client_id=public.client_id, client_secret=None)) == 7000218


def test_parameters_come_once(sim, http):
    url = f"{sim.authority}{sim.tenant.id}/oauth2/v2.0/token"
    doubled = [("grant_type", "client_credentials"), ("grant_type", "password")]
    assert code_of(http.post(url, data=doubled, timeout=10)) == 9000411


def test_json_is_no_form(sim, http):
    url = f"{sim.authority}{sim.tenant.id}/oauth2/v2.0/token"
    answer = http.post(url, json={"grant_type": "client_credentials"}, timeout=10)
    assert code_of(answer) == 900144


class TestCertificate:
    @pytest.fixture
    def send(self, sim, app, client):
        """Send an assertion that is right but for `claims`, `headers`, `key`, `algorithm`."""
        pem = app.new_certificate()
        right_key = serialization.load_pem_private_key(pem, None)

        def run(key=None, algorithm="RS256", headers=None, **claims):
            now = time.time()
            body = {
                "aud": f"{sim.authority}{sim.tenant.id}/oauth2/v2.0/token",
                "iss": app.client_id,
                "sub": app.client_id,
                "exp": now + 600,
                "jti": str(uuid.uuid4()),
                **claims,
            }
            body = {name: value for name, value in body.items() if value is not None}
            assertion = jwt.encode(
                body,
                key or right_key,
                algorithm=algorithm,
                headers={"x5t": app.certificates[0].sha1} if headers is None else headers,
            )
            return client(
                client_secret=None, client_assertion=assertion, client_assertion_type=JWT_BEARER
            )

        return run

    def test_good(self, sim, app, send):
        assert send().status_code == 200
        assert send(algorithm="PS256", headers={"x5t#S256": app.certificates[0].sha256}).ok
        assert send(aud=f"{sim.authority}{sim.tenant.name}/oauth2/v2.0/token").ok
        assert "client_assertion" in sim.requests[-1].form
        assert sim.requests[-1].form["client_assertion"] == "(redacted)"

    def test_signature(self, send, stranger):
        assert code_of(send(key=stranger)) == 700027

    @pytest.mark.parametrize("headers", [{}, {"x5t": "AAAA"}, {"x5t#S256": "AAAA"}])
    def test_certificate_is_named(self, send, headers):
        assert code_of(send(headers=headers)) == 700027

    def test_algorithm(self, send):
        assert code_of(send(algorithm="RS512")) == 700027

    def test_audience(self, sim, send):
        assert code_of(send(aud="https://login.microsoftonline.com/x/oauth2/v2.0/token")) == 700023
        assert code_of(send(aud=None)) == 700023
        other = sim.add_tenant()
        assert code_of(send(aud=f"{sim.authority}{other.id}/oauth2/v2.0/token")) == 700023

    def test_identity(self, send):
        assert code_of(send(sub="somebody")) == 700021

    def test_times(self, send):
        assert code_of(send(exp=time.time() - 1)) == 700024
        assert code_of(send(exp=time.time() + 3600)) == 700024
        assert code_of(send(exp=None)) == 700024
        assert code_of(send(nbf=time.time() + 900)) == 700024

    def test_replay(self, sim, send):
        assert send(jti="one").ok
        assert send(jti="one").ok  # as at Entra ID
        sim.reject_replayed_assertions = True
        assert code_of(send(jti="one")) == 5002723
        assert code_of(send(jti=None)) == 5002723


class TestFederation:
    SUBJECT = "repo:octo/app:ref:refs/heads/main"

    @pytest.fixture
    def send(self, sim, app, client):
        def run(assertion):
            return client(
                client_secret=None, client_assertion=assertion, client_assertion_type=JWT_BEARER
            )

        return run

    @pytest.fixture
    def issuer(self, sim, app):
        issuer = sim.add_issuer(url="https://token.actions.githubusercontent.com")
        app.add_federated_credential(issuer=issuer.url, subject=self.SUBJECT)
        return issuer

    def test_good(self, send, issuer):
        assert send(issuer.mint(subject=self.SUBJECT)).status_code == 200
        assert send(issuer.mint(subject=self.SUBJECT, aud=["api://AzureADTokenExchange"])).ok

    def test_no_credential_at_all(self, sim, send):
        assert code_of(send(sim.add_issuer().mint(subject="x"))) == 70021

    def test_mismatches(self, sim, send, issuer):
        assert code_of(send(sim.add_issuer().mint(subject=self.SUBJECT))) == 700211
        assert code_of(send(issuer.mint(subject=self.SUBJECT.upper()))) == 700213
        assert code_of(send(issuer.mint(subject=self.SUBJECT, audience="api://x"))) == 700212
        answer = send(issuer.mint(subject="repo:octo/app:pull_request"))
        assert "'repo:octo/app:pull_request'" in answer.json()["error_description"]
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    def test_signature(self, send, issuer, stranger):
        claims = jwt.decode(issuer.mint(subject=self.SUBJECT), options={"verify_signature": False})
        assert code_of(send(Signer(stranger).sign(claims))) == 700027
        unsigned = jwt.encode(claims, None, algorithm="none")
        assert code_of(send(unsigned)) == 700027

    def test_expiry(self, sim, send, issuer):
        token = issuer.mint(subject=self.SUBJECT, expires_in=300)
        sim.advance(301)
        assert code_of(send(token)) == 700024

    def test_unreachable_issuer(self, app, send, stranger):
        app.add_federated_credential(issuer="https://elsewhere.example", subject="x")
        claims = {"iss": "https://elsewhere.example", "sub": "x", "exp": time.time() + 60}
        claims["aud"] = "api://AzureADTokenExchange"
        assert code_of(send(Signer(stranger).sign(claims))) == 50166

    def test_issuer_publishes_its_keys(self, sim, http):
        issuer = sim.add_issuer()
        url = f"{issuer.url}/.well-known/openid-configuration"
        document = http.get(url, timeout=10).json()
        assert document["issuer"] == issuer.url
        keys = jwt.PyJWKSet.from_dict(http.get(document["jwks_uri"], timeout=10).json())
        token = issuer.mint(subject="s")
        kid = jwt.get_unverified_header(token)["kid"]
        jwt.decode(token, keys[kid], algorithms=["RS256"], audience="api://AzureADTokenExchange")


class TestDeviceCode:
    @pytest.fixture
    def public(self, sim):
        return sim.tenant.add_application("cli", public=True)

    @pytest.fixture
    def user(self, sim):
        return sim.tenant.add_user("dana@contoso.example", password="right")

    @pytest.fixture
    def flow(self, ask, public, scope):
        answer = ask("oauth2/v2.0/devicecode", client_id=public.client_id, scope=scope)
        assert answer.json()["expires_in"] == 900
        return answer.json()

    @pytest.fixture
    def poll(self, ask, public, flow):
        def run(device_code="", client_id="", tenant=""):
            return ask(
                tenant=tenant,
                grant_type=DEVICE,
                client_id=client_id or public.client_id,
                device_code=device_code or flow["device_code"],
            )

        return run

    def test_slow_down_raises_the_interval(self, sim, poll):
        assert poll().json()["error"] == "authorization_pending"
        assert poll().json()["error"] == "slow_down"
        sim.advance(5)
        assert poll().json()["error"] == "slow_down"  # ten seconds by now
        sim.advance(15)
        assert poll().json()["error"] == "authorization_pending"

    def test_approved_once(self, sim, poll, flow, user):
        sim.approve(flow["user_code"], user)
        assert poll().status_code == 200
        assert code_of(poll()) == 70000
        with pytest.raises(LookupError):
            sim.approve(flow["user_code"], user)

    def test_declined(self, sim, poll, flow):
        sim.decline(flow["user_code"])
        assert poll().json()["error"] == "authorization_declined"

    def test_expired(self, sim, poll, flow):
        sim.expire(flow["user_code"])
        assert poll().json()["error"] == "expired_token"

    def test_expires_by_itself(self, sim, poll):
        sim.advance(901)
        assert poll().json()["error"] == "expired_token"
        assert sim.pending_device_codes() == []

    def test_unknown_code_or_other_client(self, sim, poll):
        other = sim.tenant.add_application("other", public=True)
        assert poll(device_code="x").json()["error"] == "bad_verification_code"
        assert poll(client_id=other.client_id).json()["error"] == "bad_verification_code"

    def test_conditional_access(self, sim, poll, flow, user):
        sim.tenant.block_device_code = True
        sim.approve(flow["user_code"], user)
        answer = poll().json()
        assert answer["error_codes"] == [53003]
        assert "capolids" in json.loads(answer["claims"])["access_token"]

    def test_person_of_another_tenant(self, sim, poll, flow):
        stranger = sim.add_tenant().add_user("eve@fabrikam.example")
        sim.approve(flow["user_code"], stranger)
        assert code_of(poll()) == 50020

    def test_confidential_client(self, ask, app, scope):
        answer = ask("oauth2/v2.0/devicecode", client_id=app.client_id, scope=scope)
        assert code_of(answer) == 7000218

    def test_scope_is_required(self, ask, public):
        assert code_of(ask("oauth2/v2.0/devicecode", client_id=public.client_id)) == 900144


class TestAuthorizationCode:
    REDIRECT = "http://localhost:4711"
    VERIFIER = "v" * 43

    @pytest.fixture
    def public(self, sim):
        sim.tenant.add_user("dana@contoso.example", password="right")
        return sim.tenant.add_application("cli", public=True)

    @pytest.fixture
    def page(self, sim, http, public, scope):
        """Ask for the sign-in page; None removes a parameter."""
        digest = hashlib.sha256(self.VERIFIER.encode()).digest()

        def run(**changes):
            query = {
                "client_id": public.client_id,
                "response_type": "code",
                "redirect_uri": self.REDIRECT,
                "scope": f"{scope} openid offline_access",
                "state": "s1",
                "nonce": "n1",
                "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
                "code_challenge_method": "S256",
                **changes,
            }
            text = urlencode({name: value for name, value in query.items() if value is not None})
            url = f"{sim.authority}{sim.tenant.id}/oauth2/v2.0/authorize?{text}"
            return http.get(url, allow_redirects=False, timeout=10)

        return run

    @pytest.fixture
    def code(self, http, page):
        """Sign in and return the code."""

        def run(**changes):
            answer = self.submit(http, page(**changes), password="right")
            query = parse_qs(urlsplit(answer.headers["Location"]).query)
            assert query["state"] == ["s1"]
            return query["code"][0]

        return run

    def submit(self, http, page, **fields):
        form = Form(page.text)
        target = urlsplit(page.url)._replace(path=form.action, query="").geturl()
        filled = {**form.fields, "username": "dana@contoso.example", "action": "signin", **fields}
        return http.post(target, data=filled, allow_redirects=False, timeout=10)

    @pytest.fixture
    def redeem(self, ask, public):
        def run(code, **changes):
            fields = {
                "grant_type": "authorization_code",
                "client_id": public.client_id,
                "code": code,
                "redirect_uri": self.REDIRECT,
                "code_verifier": self.VERIFIER,
                **changes,
            }
            return ask(**{name: value for name, value in fields.items() if value is not None})

        return run

    def test_good(self, code, redeem):
        answer = redeem(code()).json()
        claims = jwt.decode(answer["id_token"], options={"verify_signature": False})
        assert claims["nonce"] == "n1"
        assert "refresh_token" in answer

    def test_code_works_once(self, code, redeem):
        value = code()
        assert redeem(value).ok
        assert code_of(redeem(value)) == 54005

    @pytest.mark.parametrize("verifier", [None, "w" * 43])
    def test_verifier(self, code, redeem, verifier):
        assert code_of(redeem(code(), code_verifier=verifier)) == 501481

    def test_redirect_uri_is_the_same(self, code, redeem):
        assert code_of(redeem(code(), redirect_uri="http://localhost:4712")) == 500112

    def test_code_of_another_client(self, sim, code, redeem):
        other = sim.tenant.add_application("other", public=True)
        assert code_of(redeem(code(), client_id=other.client_id)) == 70000

    def test_code_expires(self, sim, code, redeem):
        value = code()
        sim.advance(601)
        assert code_of(redeem(value)) == 70008

    @pytest.mark.parametrize(
        "uri", ["https://evil.example/", "http://localhost:1/x", "http://localhost.evil:1"]
    )
    def test_unregistered_redirect_is_not_followed(self, page, uri):
        answer = page(redirect_uri=uri)
        assert answer.status_code == 400
        assert "AADSTS50011" in answer.text

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"code_challenge": None}, "invalid_request"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"scope": None}, "invalid_request"),
            ({"prompt": "none"}, "login_required"),
        ],
    )
    def test_errors_reach_the_client(self, page, changes, error):
        answer = page(**changes)
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert (query["error"], query["state"]) == ([error], ["s1"])

    def test_cancel(self, http, page):
        answer = self.submit(http, page(), action="cancel")
        query = parse_qs(urlsplit(answer.headers["Location"]).query)
        assert (query["error"], query["state"]) == (["access_denied"], ["s1"])

    def test_wrong_password_shows_the_form_again(self, http, page):
        answer = self.submit(http, page(), password="wrong")
        assert answer.status_code == 200
        assert "AADSTS50126" in answer.text

    def test_values_are_escaped(self, page):
        assert "<script>alert" not in page(login_hint='"><script>alert(1)</script>').text


class TestUsers:
    @pytest.fixture
    def user(self, sim):
        return sim.tenant.add_user("dana@contoso.example", password="right")

    @pytest.fixture
    def sign_in(self, sim, ask, scope, user):
        public = sim.tenant.add_application("cli", public=True)

        def run(**changes):
            fields = {
                "grant_type": "password",
                "client_id": public.client_id,
                "scope": f"{scope} offline_access openid",
                "username": user.upn,
                "password": "right",
                **changes,
            }
            return ask(**{name: value for name, value in fields.items() if value is not None})

        return run

    def test_password(self, sign_in):
        assert sign_in().ok
        assert code_of(sign_in(password="wrong")) == 50126
        assert code_of(sign_in(username="nobody@contoso.example")) == 50034
        assert code_of(sign_in(password=None)) == 90014

    def test_refresh(self, sim, sign_in, user):
        first = sign_in().json()["refresh_token"]
        again = {"grant_type": "refresh_token", "username": None, "password": None}
        second = sign_in(refresh_token=first, **again).json()["refresh_token"]
        assert first != second
        assert sign_in(refresh_token=first, **again).ok  # the old one stays valid
        other = sim.tenant.add_application("other", public=True)
        assert code_of(sign_in(refresh_token=first, client_id=other.client_id, **again)) == 70000
        sim.revoke(user)
        for token in (first, second):
            assert code_of(sign_in(refresh_token=token, **again)) == 50173
        fresh = sign_in().json()["refresh_token"]  # in the same second
        assert sign_in(refresh_token=fresh, **again).ok
        sim.advance(91 * 86400)
        assert code_of(sign_in(refresh_token=fresh, **again)) == 700082

    def test_scripted_failure(self, sim, sign_in, user):
        sim.fail_next(50076, who=user)
        answer = sign_in()
        assert code_of(answer) == 50076
        assert answer.json()["suberror"] == "basic_action"
        assert "access_token" in json.loads(answer.json()["claims"])
        assert sign_in().ok

    def test_scripted_failure_for_someone_else(self, sim, sign_in):
        sim.fail_next(50076, client_id="another", times=None)
        assert sign_in().ok
        sim.fail_next(65001, claims='{"x":1}')
        assert sign_in().json()["claims"] == '{"x":1}'
