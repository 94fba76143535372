"""The real kubectl signs in through the installed kubeauth."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace

import pytest
from ageing import children, grow_older
from harness import BIN

from kubeauth.testing import AKS_CLIENT_ID, Fault

pytestmark = pytest.mark.e2e

NODES = ["node-0", "node-1"]
WHOAMI_FROM = 28


def nodes(ran) -> list[str]:
    assert ran.code == 0, ran.stderr
    return [line.split()[0] for line in ran.stdout.splitlines()[1:]]


@pytest.mark.parametrize(
    ("login", "style"),
    [
        ("spn", "exec"),
        ("spn", "azure"),
        ("msi", "exec"),
        ("workloadidentity", "azure"),
        ("azurecli", "exec"),
        ("azurecli", "azure"),
    ],
)
def test_signs_in_once(desk, kubectl, prepare, login, style):
    desk.convert(style, *prepare(login))
    assert nodes(desk.kubectl(kubectl, "get", "nodes")) == NODES
    assert desk.signed_in_requests() >= 1
    desk.sim.requests.clear()
    assert nodes(desk.kubectl(kubectl, "get", "nodes")) == NODES
    if kubectl.minor >= WHOAMI_FROM:
        ran = desk.kubectl(kubectl, "auth", "whoami", "-o", "json")
        said = json.loads(ran.stdout)["status"]["userInfo"]["username"]
        assert ("@" in said) == (login == "azurecli")
    assert desk.signed_in_requests() == 0
    assert desk.sim.requests.count(service="apiserver") > 0


def test_every_kubectl_gets_in(desk, each_kubectl, prepare):
    desk.convert("exec", *prepare("spn"))
    assert nodes(desk.kubectl(each_kubectl, "get", "nodes")) == NODES
    desk.sim.requests.clear()
    assert nodes(desk.kubectl(each_kubectl, "get", "nodes")) == NODES
    assert desk.signed_in_requests() == 0


@pytest.mark.parametrize("login", ["spn", "msi"])
def test_version_v1_of_the_contract(desk, kubectl, prepare, login):
    desk.convert("exec", *prepare(login))
    text = desk.config.read_text()
    assert text.count("client.authentication.k8s.io/v1beta1") == 1
    desk.config.write_text(text.replace("k8s.io/v1beta1", "k8s.io/v1"))
    assert nodes(desk.kubectl(kubectl, "get", "nodes")) == NODES


def test_a_converted_file_is_converted_to_another_login(desk, newest_kubectl, prepare):
    desk.convert("exec", *prepare("spn"))
    ran = desk.program("convert-kubeconfig", "--kubeconfig", str(desk.config), "--login", "msi")
    assert ran.code == 0, ran.stderr
    assert nodes(desk.kubectl(newest_kubectl, "get", "nodes")) == NODES
    assert desk.sim.requests.count(service="imds") == 1


def test_kubectl_knows_it_as_a_plugin_of_its_own(desk, kubectl):
    ran = desk.kubectl(kubectl, "kubeauth", "--version")
    assert ran.code == 0 and ran.stdout.startswith("kubeauth "), ran.stderr


def test_a_renewal_in_the_background_does_not_hold_kubectl_up(desk, newest_kubectl, prepare):
    desk.convert("exec", *prepare("spn"))
    assert nodes(desk.kubectl(newest_kubectl, "get", "nodes")) == NODES
    grow_older(desk.program, 2700)
    desk.sim.faults.add(Fault(service="entra", path="/oauth2/v2.0/token", hang=30, times=None))
    assert nodes(desk.kubectl(newest_kubectl, "get", "nodes")) == NODES
    (child,) = children(desk.program)
    os.killpg(child, signal.SIGKILL)


class TestRefusals:
    def test_a_token_for_another_audience(self, desk, kubectl, prepare):
        other = desk.sim.tenant.add_application("another API")
        desk.convert("exec", *prepare("spn"), "--server-id", other.client_id)
        assert other.client_id in desk.config.read_text()
        ran = desk.kubectl(kubectl, "get", "nodes")
        assert ran.code == 1
        assert "You must be logged in to the server" in ran.stderr
        assert any("wrong audience" in refusal for refusal in desk.sim.cluster.refusals)

    def test_a_wrong_secret(self, desk, kubectl, prepare):
        desk.convert("exec", *prepare("spn"))
        right = desk.environ["AZURE_CLIENT_SECRET"]
        desk.environ["AZURE_CLIENT_SECRET"] = "n0t-the-secret"
        ran = desk.kubectl(kubectl, "get", "nodes")
        lines = ran.stderr.splitlines()
        place = next(n for n, line in enumerate(lines) if line.startswith("error: "))
        assert ran.code == 1 and "AADSTS7000215" in lines[place]
        assert lines[place + 1].startswith("hint: ") and "secret" in lines[place + 1]
        assert "failed with exit code 4" in ran.stderr
        assert "n0t-the-secret" not in ran.stderr + ran.stdout
        # kubectl runs its plugin several times before it gives up; one of them asks.
        assert desk.sim.requests.count(grant_type="client_credentials") == 1
        desk.environ["AZURE_CLIENT_SECRET"] = right
        assert nodes(desk.kubectl(kubectl, "get", "nodes")) == NODES

    def test_the_two_lines_stand_once_in_each_command(self, desk, kubectl, prepare, sim):
        desk.convert("exec", *prepare("spn"))
        desk.environ["AZURE_CLIENT_SECRET"] = "y3sterdays-secret"
        for _ in range(2):
            lines = desk.kubectl(kubectl, "get", "pods").stderr.splitlines()
            ours = [line for line in lines if line.startswith(("error: ", "hint: "))]
            assert "AADSTS7000215" in ours[0] and ours[1].startswith("hint: ")
            assert set(ours[2:]) == {"error: the same as above"}

    def test_so_it_is_for_a_setting_that_is_missing(self, desk, newest_kubectl, prepare):
        desk.convert("exec", *prepare("spn"))
        desk.environ.pop("AZURE_CLIENT_SECRET")
        lines = desk.kubectl(newest_kubectl, "get", "pods").stderr.splitlines()
        ours = [line for line in lines if line.startswith(("error: ", "hint: "))]
        assert len(ours) > 2 and set(ours[2:]) == {"error: the same as above"}
        assert "failed with exit code 2" in lines[-1]

    def test_a_missing_cli(self, desk, newest_kubectl, prepare):
        desk.convert("exec", *prepare("azurecli"))
        desk.environ["PATH"] = desk.program.environ["PATH"]
        ran = desk.kubectl(newest_kubectl, "get", "--raw", "/version")
        assert "error: Azure CLI" in ran.stderr and "failed with exit code 8" in ran.stderr

    def test_an_azure_machine_that_is_none(self, desk, newest_kubectl, prepare):
        desk.convert("exec", *prepare("msi"))
        desk.environ["AZURE_POD_IDENTITY_AUTHORITY_HOST"] = "http://127.0.0.1:9"
        ran = desk.kubectl(newest_kubectl, "get", "--raw", "/version")
        assert "error: " in ran.stderr and "failed with exit code 8" in ran.stderr


class TestDeviceCode:
    @pytest.fixture
    def user(self, sim):
        return sim.tenant.add_user(f"dana-{time.monotonic_ns()}@contoso.example", password="pw")

    @pytest.fixture(autouse=True)
    def converted(self, desk, authority, sim):
        sim.device_code_interval = 1
        desk.convert("exec", "--login", "devicecode", *authority)
        assert AKS_CLIENT_ID in desk.config.read_text()

    def test_a_person_at_a_terminal_signs_in_once(self, desk, kubectl, sim, user):
        seen = []

        def person(screen: str) -> bool:
            for flow in sim.pending_device_codes():
                if flow.user_code in screen and "/devicelogin" in screen:
                    sim.approve(flow.user_code, user)
                    seen.append(flow.user_code)
            return bool(seen)

        ran = desk.kubectl_at_terminal(kubectl, "get", "nodes", person=person)
        assert nodes(ran) == NODES and len(seen) == 1
        assert ran.stderr.count(seen[0]) == 1, "asked once"
        sim.requests.clear()
        again = desk.kubectl_at_terminal(kubectl, "get", "nodes")
        assert nodes(again) == NODES
        assert again.stderr == "" and desk.signed_in_requests() == 0

    def test_the_sign_in_serves_where_no_terminal_is(self, desk, newest_kubectl, sim, user):
        def person(_screen: str) -> bool:
            waiting = sim.pending_device_codes()
            for flow in waiting:
                sim.approve(flow.user_code, user)
            return bool(waiting)

        assert nodes(desk.kubectl_at_terminal(newest_kubectl, "get", "nodes", person=person))
        assert nodes(desk.kubectl(newest_kubectl, "get", "nodes")) == NODES

    def test_without_a_terminal_it_fails_at_once(self, desk, kubectl, sim):
        begun = time.monotonic()
        ran = desk.kubectl(kubectl, "get", "--raw", "/version")
        assert time.monotonic() - begun < 4
        assert ran.code == 1 and "failed with exit code 5" in ran.stderr
        assert "error: login devicecode" in ran.stderr and "\nhint: " in "\n" + ran.stderr
        assert len(sim.requests.select(service="entra")) == 0

    def test_a_declined_sign_in_is_the_end(self, desk, newest_kubectl, sim):
        def person(_screen: str) -> bool:
            waiting = sim.pending_device_codes()
            for flow in waiting:
                sim.decline(flow.user_code)
            return bool(waiting)

        ran = desk.kubectl_at_terminal(newest_kubectl, "get", "--raw", "/version", person=person)
        assert ran.code == 1 and "declined" in ran.stderr
        assert "failed with exit code 6" in ran.stderr

    def test_a_press_of_the_tab_key_asks_nobody(self, desk, newest_kubectl, sim):
        """Shell completion runs kubectl at a terminal with stderr on the null device."""
        called = desk.folder / "called"
        between = desk.folder / "between"
        between.mkdir()
        (between / "kubeauth").write_text(
            f'#!/bin/sh\necho called >> {called}\nexec {BIN / "kubeauth"} "$@"\n'
        )
        (between / "kubeauth").chmod(0o755)
        desk.environ["PATH"] = f"{between}:{desk.program.environ['PATH']}"
        shell = replace(newest_kubectl, path="/bin/sh")
        script = '"$0" __complete get nodes "" 2>/dev/null'
        desk.kubectl_at_terminal(shell, "-c", script, newest_kubectl.path)
        assert called.exists()
        assert sim.requests.count(service="entra") == 0
