"""``kubeauth get-credentials``: fetch an AKS cluster into the kubeconfig."""

from __future__ import annotations

import os
from typing import Any

import click

from kubeauth.errors import SettingsError
from kubeauth.options.settings import FLAGS
from kubeauth_plugin.aks.fetch import CredentialRequest, fetch
from kubeauth_plugin.aks.sign_in import explained, sign_in
from kubeauth_plugin.options import explain_option, keep_as_typed, sign_in_options
from kubeauth_plugin.output import say
from kubeauth_plugin.shell.help import Sectioned

__all__ = ["command"]


@click.command("get-credentials", cls=Sectioned)
@click.option("-g", "--resource-group", default="", metavar="NAME", help="the cluster's group")
@click.option("-n", "--name", default="", metavar="NAME", help="the cluster")
@click.option(
    "-s",
    "--subscription",
    "cluster_subscription",
    default="",
    metavar="NAME",
    help="its subscription, by id or name (AZURE_SUBSCRIPTION_ID, the Azure CLI's, the only one)",
)
@click.option("--context", default="", metavar="NAME", help="name of context and cluster")
@click.option(
    "-f",
    "--file",
    "--kubeconfig",
    "file",
    metavar="FILE",
    help="this file instead of KUBECONFIG's first; - for stdout, without a merge",
)
@click.option("--overwrite-existing", is_flag=True, help="replace other entries of these names")
@click.option("--public-fqdn", is_flag=True, help="use the public name of a private cluster")
@click.option(
    "--resource-manager",
    default="",
    metavar="URL",
    help="Azure Resource Manager, if it is not the cloud's",
)
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", help="how to report"
)
@click.option("-a", "--admin", is_flag=True, hidden=True)
@explain_option
@sign_in_options(without=("subscription",))
def command(**given: Any) -> None:
    """Fetch the credentials of an AKS cluster into the kubeconfig, without the Azure CLI.

    Signs in to Azure Resource Manager, merges as `az aks get-credentials` does, and makes the new
    user sign in with kubeauth and the same login. Without --login: the account of the Azure CLI if
    one is signed in, else `auto`: the browser, or a code where no browser can open. The sign-in
    flags mean what they mean to convert-kubeconfig.

    \b
    kubeauth get-credentials -g GROUP -n CLUSTER
    kubeauth get-credentials -g GROUP -n CLUSTER -l msi --context prod
    """
    if given["admin"]:
        raise SettingsError(
            "get-credentials: --admin bypasses Entra ID and its logs; kubeauth never fetches the "
            "admin credential",
            hint="leave out --admin",
        )
    typed = {flag.field: given[flag.field] for flag in FLAGS if given.get(flag.field) is not None}
    if given["explain"]:
        named = {"subscription": given["cluster_subscription"]}
        say(explained(sign_in(typed, os.environ, address=given["resource_manager"], **named)))
        return
    missing = [flag for flag, name in (("-g", "resource_group"), ("-n", "name")) if not given[name]]
    if missing:
        raise SettingsError(
            f"get-credentials: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} "
            "required",
            hint="give -g GROUP -n CLUSTER; `kubeauth clusters` lists both",
        )
    request = CredentialRequest(
        resource_group=given["resource_group"],
        name=given["name"],
        subscription=given["cluster_subscription"],
        context=given["context"],
        file=given["file"] or "",
        overwrite=given["overwrite_existing"],
        public_fqdn=given["public_fqdn"],
        resource_manager=given["resource_manager"],
        typed=typed,
    )
    fetched = fetch(request, dict(os.environ))
    if fetched.text:
        say(fetched.text.removesuffix("\n"))
        click.echo(fetched.line, err=True)
    else:
        say(fetched.as_json() if given["output"] == "json" else fetched.line)


keep_as_typed(command)
