"""``kubeauth clusters``: over subscriptions and pages, as a table, as JSON and as names."""

from __future__ import annotations

import json

import pytest
from aks.terminal import run_at_terminal

pytestmark = pytest.mark.process


@pytest.fixture
def clusters(program, as_app, cloud):
    return lambda *args, **environ: program("clusters", *as_app, *cloud, *args, **environ)


class TestLists:
    def test_a_table(self, clusters, arm):
        arm.add_cluster("shop", "prod", azure_rbac=True, private=True)
        arm.add_cluster("shop", "old", entra=False, running=False, version="1.29.0")
        lines = [line.split() for line in clusters().stdout.splitlines()]
        assert [" ".join(line) for line in lines] == [
            "NAME GROUP VERSION STATE ENTRA AZURE RBAC PRIVATE",
            "old shop 1.29.0 Stopped no no no",
            "prod shop 1.33.2 Running yes yes yes",
        ]

    def test_a_table_of_several_subscriptions(self, clusters, arm):
        arm.add_cluster("shop", "prod", subscription=arm.add_subscription("one"))
        arm.add_cluster("shop", "prod", subscription=arm.add_subscription("two"))
        lines = [line.split() for line in clusters().stdout.splitlines()]
        assert [line[-1] for line in lines] == ["SUBSCRIPTION", "one", "two"]

    def test_a_table_fits_the_terminal(self, program, as_app, cloud, arm):
        arm.add_cluster("a-group-with-a-long-name", "a-cluster-with-a-very-long-name")
        program.environ["COLUMNS"] = "70"
        seen = run_at_terminal(program, ["clusters", *as_app, *cloud])
        # A name that is cut short could not be copied into the next command.
        assert seen.splitlines() == [
            "-g a-group-with-a-long-name -n a-cluster-with-a-very-long-name",
            "    1.33.2, Running, Entra",
        ]
        program.environ["COLUMNS"] = "120"
        assert seen.splitlines()[0].split()[1] in run_at_terminal(
            program, ["clusters", *as_app, *cloud]
        )

    def test_over_subscriptions_and_pages(self, clusters, arm, sim):
        arm.page_size = 3
        for number in range(10):
            home = arm.add_subscription(f"sub{number}")
            for each in range(number):
                arm.add_cluster("shop", f"c{number}-{each}", subscription=home)
        ran = clusters("-o", "name")
        assert len(ran.stdout.split()) == 45 and ran.stderr == ""
        assert ran.stdout.split() == sorted(ran.stdout.split())

    def test_as_json(self, clusters, arm):
        cluster = arm.add_cluster("shop", "prod")
        (told,) = json.loads(clusters("-o", "json").stdout)
        assert told["id"] == cluster.id
        assert (told["resourceGroup"], told["subscription"]) == ("shop", "simulated")
        assert (told["entra"], told["azureRbac"], told["private"]) == (True, False, False)

    def test_only_some(self, clusters, arm):
        other = arm.add_subscription("other")
        arm.add_cluster("shop", "a", subscription=other)
        arm.add_cluster("test", "b", subscription=other)
        arm.add_cluster("shop", "c")
        assert clusters("-s", "other", "-o", "name").stdout.split() == ["a", "b"]
        assert clusters("-s", "other", "-g", "shop", "-o", "name").stdout.split() == ["a"]
        # What the plugin's other commands take as usual does not narrow a list.
        named = clusters("-o", "name", AZURE_SUBSCRIPTION_ID=other.id).stdout
        assert sorted(named.split()) == ["a", "b", "c"]

    def test_a_group_that_only_some_subscriptions_have(self, clusters, arm):
        arm.add_subscription("other")
        arm.add_cluster("shop", "a")
        ran = clusters("-g", "shop", "-o", "name")
        assert (ran.stdout, ran.stderr) == ("a\n", "")

    def test_none(self, clusters):
        assert clusters().stdout == "no clusters in 1 subscription\n"
        assert json.loads(clusters("-o", "json").stdout) == []


class TestFailures:
    def test_a_subscription_that_cannot_be_read(self, clusters, arm):
        arm.add_cluster("shop", "prod")
        locked = arm.add_subscription("locked", readers=())
        ran = clusters("-o", "name")
        assert (ran.code, ran.stdout) == (0, "prod\n")
        assert ran.stderr.startswith(f"warning: the clusters of subscription {locked.id}: Auth")

    def test_none_can_be_read(self, clusters, arm, app):
        arm.subscriptions.clear()
        arm.add_subscription("locked", readers=())
        ran = clusters()
        assert ran.code == 4
        assert f'--assignee {app.object_id} --role "Reader"' in ran.stderr

    def test_throttling_is_waited_for(self, clusters, arm):
        for number in range(5):
            arm.add_cluster("shop", f"c{number}", subscription=arm.add_subscription(f"s{number}"))
        arm.throttle(3)
        assert len(clusters("-o", "name").stdout.split()) == 5

    def test_a_tenant_that_does_not_know_resource_manager(self, program, as_app, cloud):
        ran = program("clusters", *as_app, *cloud, "--resource-manager", "https://localhost:1")
        assert ran.code == 4 and "AADSTS500011" in ran.error
        assert "hint: check --environment and --resource-manager" in ran.stderr

    def test_an_address_where_nothing_listens(self, program, as_app, cloud, sim):
        sim.tenant.add_resource("https://localhost:1")
        ran = program("clusters", *as_app, *cloud, "--resource-manager", "https://localhost:1")
        assert ran.code == 7 and "the subscriptions: localhost:1 cannot be reached" in ran.error
        assert "--resource-manager" in ran.stderr and "--authority-host" not in ran.stderr

    def test_a_name_that_is_not_there(self, clusters):
        assert "hint: did you mean simulated?" in clusters("-s", "simulatd").stderr
