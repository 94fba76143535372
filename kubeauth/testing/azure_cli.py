"""A stand-in for the Azure CLI, for machines without the real one.

It is a program called ``az`` with one command, ``az account get-access-token``. It gets the token
from the simulated Entra ID with the password of one user. It prints what the real one prints: the
same JSON, and the same error if no user is signed in.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kubeauth.testing.entra.directory import User
    from kubeauth.testing.simulator import Simulator

__all__ = ["install_azure_cli", "sign_in", "sign_out"]

_PROFILE: Final = "azureProfile.json"
_PROGRAM: Final = """\
#!{python} -I
import json, os, ssl, sys, time, urllib.error, urllib.parse, urllib.request

known = json.loads({known!r})
given = dict(zip(sys.argv[3::1], sys.argv[4::1]))
folder = os.environ.get("AZURE_CONFIG_DIR") or os.path.expanduser("~/.azure")
try:
    with open(os.path.join(folder, {profile!r}), encoding="utf-8-sig") as file:
        user = json.load(file)["subscriptions"][0]["user"]["name"]
except (OSError, LookupError, ValueError):
    sys.exit("ERROR: Please run 'az login' to setup account.")
if sys.argv[1:3] != ["account", "get-access-token"]:
    sys.exit("ERROR: this stand-in knows only 'az account get-access-token'")
form = {{
    "grant_type": "password", "client_id": known["client_id"], "username": user,
    "password": known["passwords"].get(user, ""), "scope": given["--resource"] + "/.default",
}}
tenant = given.get("--tenant", known["tenant_id"])
context = ssl.create_default_context(cafile=known["ca_file"])
opener = urllib.request.build_opener(
    urllib.request.ProxyHandler({{}}), urllib.request.HTTPSHandler(context=context)
)
try:
    url = known["authority"] + tenant + "/oauth2/v2.0/token"
    with opener.open(url, urllib.parse.urlencode(form).encode(), timeout=10) as answer:
        token = json.load(answer)
except urllib.error.HTTPError as error:
    sys.exit("ERROR: " + json.load(error)["error_description"])
expires_on = int(time.time()) + token["expires_in"]
print(json.dumps({{
    "accessToken": token["access_token"],
    "expiresOn": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(expires_on)),
    "expires_on": expires_on,
    "subscription": "00000000-0000-0000-0000-000000000001",
    "tenant": tenant,
    "tokenType": "Bearer",
}}))
"""


def install_azure_cli(folder: Path, simulator: Simulator, *users: User) -> Path:
    """Write the program ``az`` into ``folder`` and return its path.

    ``users`` are the people whose password it knows. Call ``sign_in`` to sign one of them in.
    """
    from kubeauth.testing.entra.directory import AKS_CLIENT_ID

    known = {
        "authority": simulator.authority,
        "ca_file": str(simulator.ca_file),
        "client_id": AKS_CLIENT_ID,
        "tenant_id": simulator.tenant.id,
        "passwords": {user.upn: user.password or "any" for user in users},
    }
    code = _PROGRAM.format(python=sys.executable, known=json.dumps(known), profile=_PROFILE)
    windows = os.name == "nt"
    script = folder / ("az.py" if windows else "az")
    script.touch(mode=0o700)
    script.write_text(code, encoding="utf-8")
    if not windows:
        return script
    program = folder / "az.cmd"  # as Microsoft's is
    program.write_text(f'@"{sys.executable}" -I "%~dp0az.py" %*\n', encoding="utf-8")
    return program


def sign_in(config_dir: Path, user: User) -> None:
    """Write the profile that ``az login`` writes to AZURE_CONFIG_DIR for ``user``."""
    config_dir.mkdir(parents=True, exist_ok=True)
    subscription = {
        "id": "00000000-0000-0000-0000-000000000001",
        "name": "simulated",
        "state": "Enabled",
        "user": {"name": user.upn, "type": "user"},
        "isDefault": True,
        "tenantId": user.tenant_id,
        "environmentName": "AzureCloud",
    }
    profile = {"installationId": "simulated", "subscriptions": [subscription]}
    (config_dir / _PROFILE).write_text(json.dumps(profile), encoding="utf-8-sig")


def sign_out(config_dir: Path) -> None:
    """Write the profile that ``az logout`` writes."""
    (config_dir / _PROFILE).write_text(
        json.dumps({"installationId": "simulated", "subscriptions": []}), encoding="utf-8-sig"
    )
