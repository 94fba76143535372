"""The simulated Resource Manager: its lists, its credentials, and each of its refusals."""

from __future__ import annotations

import base64
import json

import pytest
import yaml

ARM = "https://management.azure.com"
VERSION = "2025-10-01"


@pytest.fixture
def user(sim):
    return sim.tenant.add_user("anna@contoso.example")


@pytest.fixture
def arm(sim, http, user):
    """Send a request with a token of `user`, or with other header fields."""

    def send(path, method="GET", version=VERSION, token=None, **query):
        token = sim.mint_token(user, audience=ARM) if token is None else token
        return http.request(
            method,
            path if path.startswith("https:") else sim.resource_manager.url + path,
            params={"api-version": version, **query} if version else query,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=10,
        )

    return send


def clusters(sim, group="", name="", action=""):
    path = f"/subscriptions/{sim.resource_manager.subscription_id}"
    path += f"/resourceGroups/{group}" if group else ""
    path += "/providers/Microsoft.ContainerService/managedClusters"
    return path + (f"/{name}" if name else "") + (f"/{action}" if action else "")


def refused(answer):
    return answer.status_code, answer.json()["error"]["code"]


class TestLists:
    def test_subscriptions_are_those_of_the_tokens_tenant(self, sim, arm):
        sim.resource_manager.add_subscription("dev")
        sim.resource_manager.add_subscription("abroad", tenant_id=sim.add_tenant().id)
        listed = arm("/subscriptions", version="2022-12-01").json()["value"]
        assert [each["displayName"] for each in listed] == ["simulated", "dev"]

    def test_come_in_pages(self, sim, arm):
        sim.resource_manager.page_size = 2
        for number in range(5):
            sim.resource_manager.add_cluster("shop", f"c{number}")
        names, url = [], clusters(sim)
        while url:
            page = arm(url, version="" if "skiptoken" in url else VERSION).json()
            assert len(page["value"]) <= 2
            names += [each["name"] for each in page["value"]]
            url = page.get("nextLink", "")
        assert names == ["c0", "c1", "c2", "c3", "c4"]

    def test_a_group_is_one_of_the_subscriptions(self, sim, arm):
        sim.resource_manager.add_cluster("shop", "prod")
        sim.resource_manager.add_cluster("test", "other")
        listed = arm(clusters(sim, "SHOP")).json()["value"]
        assert [each["name"] for each in listed] == ["prod"]
        assert refused(arm(clusters(sim, "shpo"))) == (404, "ResourceGroupNotFound")

    def test_a_cluster_shows_its_state(self, sim, arm):
        sim.resource_manager.add_cluster("shop", "prod", running=False, private=True, entra=False)
        shown = arm(clusters(sim, "shop", "PROD")).json()["properties"]
        assert shown["powerState"] == {"code": "Stopped"}
        assert shown["apiServerAccessProfile"]["enablePrivateCluster"] is True
        assert "fqdn" not in shown and "aadProfile" not in shown


class TestCredentials:
    def fetch(self, sim, arm, **query):
        answer = arm(
            clusters(sim, "shop", "prod", "listClusterUserCredential"), method="POST", **query
        )
        value = answer.json()["kubeconfigs"][0]["value"]
        return yaml.safe_load(base64.b64decode(value))["users"][0]

    def test_name_the_group(self, sim, arm):
        sim.resource_manager.add_cluster("shop", "prod")
        user = self.fetch(sim, arm, format="exec")
        assert user["name"] == "clusterUser_shop_prod"
        assert user["user"]["exec"]["command"] == "kubelogin"
        assert "auth-provider" in self.fetch(sim, arm, format="azure")["user"]

    def test_of_a_cluster_without_entra_are_the_administrators(self, sim, arm):
        sim.resource_manager.add_cluster("shop", "prod", entra=False)
        user = self.fetch(sim, arm, format="exec")["user"]
        assert set(user) == {"client-certificate-data", "client-key-data", "token"}

    def test_need_a_role(self, sim, arm):
        sim.resource_manager.add_cluster("shop", "prod", users=())
        answer = arm(clusters(sim, "shop", "prod", "listClusterUserCredential"), method="POST")
        assert refused(answer) == (403, "AuthorizationFailed")
        message = answer.json()["error"]["message"]
        assert "anna@contoso.example" in message and "resourceGroups/shop" in message

    def test_a_public_name_needs_one(self, sim, arm):
        sim.resource_manager.add_cluster("shop", "prod", private=True)
        path = clusters(sim, "shop", "prod", "listClusterUserCredential")
        answer = arm(path, method="POST", **{"server-fqdn": "public"})
        assert refused(answer) == (400, "BadRequest")


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"aud": "https://vault.azure.net"}, "InvalidAuthenticationTokenAudience"),
            ({"exp": 1}, "ExpiredAuthenticationToken"),
        ],
    )
    def test_tokens_for_others(self, sim, arm, user, change, code):
        token = sim.mint_token(user, audience=ARM, **change)
        answer = arm("/subscriptions", token=token)
        assert refused(answer) == (401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization_uri=")

    def test_no_token(self, arm):
        assert refused(arm("/subscriptions", token="")) == (401, "AuthenticationFailed")

    def test_a_token_of_another_tenant(self, sim, arm):
        abroad = sim.resource_manager.add_subscription("abroad", tenant_id=sim.add_tenant().id)
        answer = arm(f"/subscriptions/{abroad.id}")
        assert refused(answer) == (401, "InvalidAuthenticationTokenTenant")

    def test_a_revoked_token(self, sim, arm, user):
        token = sim.mint_token(user, audience=ARM)
        sim.revoke(user)
        assert refused(arm("/subscriptions", token=token)) == (401, "InvalidAuthenticationToken")

    def test_a_claims_challenge(self, sim, arm):
        claims = json.dumps({"access_token": {"nbf": {"essential": True}}})
        sim.resource_manager.challenge(claims)
        answer = arm("/subscriptions")
        text = answer.headers["WWW-Authenticate"].partition('claims="')[2].rstrip('"')
        assert base64.urlsafe_b64decode(text + "===").decode() == claims
        assert arm("/subscriptions").status_code == 200

    def test_throttling(self, sim, arm):
        sim.resource_manager.throttle(retry_after="7")
        answer = arm("/subscriptions")
        assert refused(answer) == (429, "Throttled")
        assert answer.headers["Retry-After"] == "7"

    @pytest.mark.parametrize(
        ("version", "code"),
        [("", "MissingApiVersionParameter"), ("new", "InvalidApiVersionParameter")],
    )
    def test_versions_that_are_none(self, arm, version, code):
        assert refused(arm("/subscriptions", version=version)) == (400, code)

    def test_a_version_that_this_cloud_lacks(self, sim, arm):
        answer = arm(clusters(sim), version="2031-01-01")
        assert refused(answer) == (400, "NoRegisteredProviderFound")
        assert "2024-10-01" in answer.json()["error"]["message"]

    def test_what_is_not_there(self, sim, arm):
        sim.resource_manager.add_cluster("shop", "prod")
        assert refused(arm(clusters(sim, "shop", "x"))) == (404, "ResourceNotFound")
        assert refused(arm("/subscriptions/nonsense")) == (400, "InvalidSubscriptionId")
        nowhere = "/subscriptions/11111111-0000-0000-0000-000000000001"
        assert refused(arm(nowhere)) == (404, "SubscriptionNotFound")

    def test_an_arc_cluster_is_no_aks_cluster(self, sim, arm):
        arc = sim.resource_manager.add_connected_cluster("shop", "edge")
        assert refused(arm(clusters(sim, "shop", "edge"))) == (404, "ResourceNotFound")
        shown = arm(arc.id, version="2024-01-01").json()
        assert shown["properties"]["connectivityStatus"] == "Connected"
