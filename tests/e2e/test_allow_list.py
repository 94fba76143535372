"""The real kubectl with an allow-list in kuberc: kubeauth may run, but not do all a file asks."""

from __future__ import annotations

import re
import shlex

import pytest

pytestmark = pytest.mark.e2e

POLICY = """apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
credentialPluginPolicy: Allowlist
credentialPluginAllowlist:
- command: {command}
"""


def allow(desk):
    """Allow the command that stands in the kubeconfig, and nothing else."""
    found = re.search(r'command: "?([^"\n]+)', desk.config.read_text())
    assert found
    kuberc = desk.program.home / ".kube" / "kuberc"
    kuberc.parent.mkdir(exist_ok=True)
    kuberc.write_text(POLICY.format(command=found[1]))


def need_policies(kubectl):
    if kubectl.minor < 36:
        pytest.skip("this kubectl has no allow-list")


def test_a_person_who_converts_has_said_it_all(desk, newest_kubectl, prepare):
    need_policies(newest_kubectl)
    desk.convert("exec", *prepare("spn"))
    allow(desk)
    assert desk.kubectl(newest_kubectl, "get", "nodes").code == 0


def test_a_foreign_file_waits_for_the_command_in_the_hint(desk, newest_kubectl, prepare):
    need_policies(newest_kubectl)
    desk.convert("exec", *prepare("spn"))
    for approval in (desk.program.home / ".kube" / "kubeauth").iterdir():
        approval.unlink()
    allow(desk)
    asked = desk.signed_in_requests()
    refused = desk.kubectl(newest_kubectl, "get", "nodes")
    assert refused.code == 1
    assert "would get a secret of login spn" in refused.stderr
    assert desk.signed_in_requests() == asked
    found = re.search(r"hint: .*`([^`]+)`", refused.stderr)
    assert found, refused.stderr
    words = shlex.split(found[1])
    assert words[:2] == ["kubeauth", "trust"]
    environ = desk.variables()
    assert desk.program(*words[1:], "--yes", **environ).code == 0
    assert desk.kubectl(newest_kubectl, "get", "nodes").code == 0


def test_a_file_named_on_kubectls_command_line_is_named_in_the_hint(
    desk, newest_kubectl, app, tmp_path
):
    need_policies(newest_kubectl)
    desk.convert("exec", "--login", "spn", "--client-id", app.client_id)
    other = tmp_path / "from somebody.yaml"
    other.write_text(
        desk.config.read_text().replace(
            '"get-token"', '"get-token"\n      - "--authority-host=https://evil.example"'
        )
    )
    allow(desk)
    ran = desk.kubectl(newest_kubectl, "--kubeconfig", str(other), "get", "nodes")
    assert f"kubeauth trust --kubeconfig '{other}'" in ran.stderr
