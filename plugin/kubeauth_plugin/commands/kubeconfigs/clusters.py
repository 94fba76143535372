"""``kubeauth clusters``: list AKS clusters."""

from __future__ import annotations

import os
from typing import Any

import click

from kubeauth.options.settings import FLAGS
from kubeauth.resource_manager.subscriptions import list_subscriptions
from kubeauth_plugin.aks.overview import all_clusters, as_json, as_table
from kubeauth_plugin.aks.sign_in import explained, sign_in
from kubeauth_plugin.aks.subscription import named_subscription
from kubeauth_plugin.diagnostics import naming_variables, warn
from kubeauth_plugin.options import explain_option, keep_as_typed, sign_in_options
from kubeauth_plugin.output import harmless, say
from kubeauth_plugin.shell.help import Sectioned

__all__ = ["command"]


@click.command("clusters", cls=Sectioned)
@click.option(
    "-s",
    "--subscription",
    "subscriptions",
    multiple=True,
    metavar="NAME",
    help="only this subscription (id or name; may be repeated)",
)
@click.option("-g", "--resource-group", default="", metavar="NAME", help="only this group")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "name"]),
    default="table",
    help="how to list them",
)
@click.option(
    "--resource-manager",
    default="",
    metavar="URL",
    help="Azure Resource Manager, if it is not the cloud's",
)
@explain_option
@sign_in_options(without=("subscription", "server-id", "legacy", "pop-enabled", "pop-claims"))
def command(**given: Any) -> None:
    """List the AKS clusters that you may see, in all subscriptions of the tenant.

    Without --login: the account of the Azure CLI if one is signed in, else the browser, or a code
    where no browser can open.

    \b
    kubeauth clusters
    kubeauth clusters -s SUBSCRIPTION -o json
    """
    typed = {flag.field: given[flag.field] for flag in FLAGS if given.get(flag.field) is not None}
    account = sign_in(
        typed, dict(os.environ), address=given["resource_manager"], any_subscription=True
    )
    if given["explain"]:
        say(explained(account))
        return
    with naming_variables(account.settings):
        known = list_subscriptions(account.manager)
        asked = given["subscriptions"]
        chosen = [named_subscription(known, name, "-s") for name in asked] if asked else known
        found = all_clusters(account.manager, chosen, given["resource_group"], warn)
    names = {one.id.lower(): one.name for one in known}
    if given["output"] == "json":
        say(as_json(found, names))
    elif given["output"] == "name":
        for cluster in found:
            say(harmless(cluster.name))
    elif found:
        say(as_table(found, names))
    else:
        say(f"no clusters in {len(chosen)} subscription{'' if len(chosen) == 1 else 's'}")


keep_as_typed(command)
