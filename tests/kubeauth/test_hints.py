"""Every code of Entra ID that has a hint: the next step, for each login that it differs for."""

from __future__ import annotations

import json
import os
import re
import time

import pytest
from click.testing import CliRunner

from kubeauth import Interactive, SignInError, System, provider_for
from kubeauth.adapters.programs import Completed
from kubeauth.options.settings import Settings
from kubeauth.testing import AKS_CLIENT_ID, Fault
from kubeauth_plugin.cli import kubeauth

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT = "99999999-8888-7777-6666-555555555555"
DEVICE, BROWSER, ROPC, AZ, AZD, SPN, FEDERATED, MSI = (
    *("devicecode", "interactive", "ropc", "azurecli"),
    *("azd", "spn", "workloadidentity", "msi"),
)
PEOPLE = (DEVICE, ROPC, AZ)
ALL = (DEVICE, ROPC, AZ, SPN, FEDERATED)
LIST = f"`az ad app federated-credential list --id {CLIENT}`"
LOOPBACK = "Mobile and desktop applications"

# Codes, the logins that meet them, and the next step in the words of its hint.
TABLE = [
    ((16000, 50014, 51004, 90072), (DEVICE, ROPC), "another account, or have this one invited"),
    ((16000, 50014, 51004, 90072), (AZ,), f"`az login --tenant {TENANT}`"),
    ((500212,), PEOPLE, "administrator of the account's own tenant"),
    ((500213, 530004), PEOPLE, f"administrator of the tenant {TENANT}"),
    ((50002, 500021, 500022), ALL, "another network"),
    ((500341,), PEOPLE, "another account"),
    ((500571,), PEOPLE, "administrator of the tenant can enable it"),
    ((50053,), PEOPLE, "wait, then try again"),
    ((50055, 50144, 50056, 50135), (ROPC,), "-l interactive"),
    ((50132, 50133, 50089, 50173, 700082, 700084, 70043), (DEVICE, ROPC), "`kubeauth login`"),
    ((50132, 50133, 50089, 50173, 700082, 700084), (AZ,), f"`az login --tenant {TENANT}`"),
    ((50132, 70000, 70008), (AZD,), f"`azd auth login --tenant-id {TENANT}`"),
    ((50105,), PEOPLE, "nested groups do not count"),
    ((500014,), ALL, "`az ad sp update --id {server} --set accountEnabled=true`"),
    ((7000112,), (SPN, FEDERATED), f"`az ad sp update --id {CLIENT} --set accountEnabled=true`"),
    ((50072, 50074, 50076, 50078, 50079), (DEVICE, ROPC), "use -l interactive"),
    (
        (50072, 50074, 50076, 50078, 50079),
        (AZ,),
        f"`az login --tenant {TENANT} --scope {{server}}/.default`, after `az logout`",
    ),
    ((50076, 50079), (AZD,), "`azd auth login`"),
    ((50076,), (BROWSER,), "finish it in the browser"),
    ((53002, 50131, 530032, 530035, 53011, 530084), ALL, "ask the tenant's administrator"),
    ((53003, 50005, 50097, 53000, 53001), (DEVICE, ROPC), "use -l interactive"),
    ((53003,), (SPN, FEDERATED), "another network, ask the tenant's administrator, or use -l msi"),
    ((53003,), (MSI,), "ask the tenant's administrator"),
    ((530003, 50155, 700003), (DEVICE, ROPC), "use -l interactive on a device"),
    ((530003, 50155, 700003), (AZ,), "run `az login` in a browser on such a device"),
    ((530003,), (BROWSER,), "in a browser on a device that the organisation manages"),
    ((530036,), (DEVICE,), "use -l interactive"),
    ((700011, 70001, 7000229), (DEVICE, SPN, FEDERATED), f"`az ad sp create --id {CLIENT}`"),
    ((700016,), (SPN, FEDERATED), "check --client-id and --tenant-id"),
    ((700016,), (AZ,), "check --tenant-id"),
    ((700025,), (SPN,), "--client-id"),
    ((7000218,), (DEVICE,), f"`az ad app update --id {CLIENT} --is-fallback-public-client true`"),
    ((7000215,), (SPN,), "check --client-secret: it wants the secret's value"),
    ((7000215, 7000222), (AZ,), "az "),
    ((7000222,), (SPN,), f"`az ad app credential reset --append --id {CLIENT}`"),
    ((700027,), (SPN,), f"`az ad app credential list --cert --id {CLIENT}`"),
    ((50059, 90019, 50194, 9001023, 900023, 90002), ALL, "--tenant-id"),
    ((50011, 500113), (BROWSER, DEVICE), "--public-client-redirect-uris http://localhost"),
    ((50011, 500113, 9002327), (BROWSER, DEVICE), LOOPBACK),
    ((70011, 700022, 1002012, 500011), ALL, "check --server-id"),
    ((90094, 90095, 65005, 650056, 65001), (DEVICE,), f"admin-consent --id {CLIENT}`"),
    ((65001, 650057), (AZ, AZD), "04b07795-8ddb-461a-bbee-02f9e1bf7b46"),
    ((650057,), (DEVICE, SPN), "check --server-id"),
    ((50012, 50013, 50017, 700030), (SPN,), "chain"),
    ((50013, 500133), (FEDERATED,), "new federated token"),
    ((90038, 900382, 900432, 900439), (DEVICE, SPN, FEDERATED), "--environment"),
    ((90038, 900382, 900432, 900439), (AZ,), "`az cloud set`"),
    ((70021, 700211, 700212, 700213, 7002121, 7002131, 7002137, 7002138), (FEDERATED,), LIST),
    ((70025, 7002139, 700219), (FEDERATED,), LIST),
    ((53004, 53010, 530021, 530034, 5300350), (DEVICE, BROWSER, AZ), "administrator"),
    ((500023, 501051), (SPN, DEVICE), "administrator"),
    ((900384,), (DEVICE, SPN), "--environment"),
    ((50128,), ALL, "--tenant-id"),
    ((50058,), (BROWSER,), "sign in again"),
    ((70021, 70025, 7002138, 7002131), (FEDERATED,), "subject repo:octo/shop"),
    ((700024,), (FEDERATED,), "new federated token"),
    ((700024,), (SPN,), "set this machine's clock"),
    ((700222, 700226, 700231, 700229), (FEDERATED,), "user-assigned managed identity"),
    ((700236,), (FEDERATED,), "application in the identity's tenant"),
    ((700223, 700238, 7002381), (FEDERATED,), "-l msi"),
    ((90061, 50166, 501661), (FEDERATED,), "`curl ISSUER/.well-known/openid-configuration`"),
    ((70018, 70019, 90120, 50134, 70020), (DEVICE,), "again for a new code"),
    ((50033, 50087, 90006, 90012, 90024, 90033, 90055), ALL, "try again in a minute"),
    ((50196,), ALL, "stop the program that asks in a loop"),
    ((50020, 50034), (DEVICE, ROPC), "check"),
    ((50057,), PEOPLE, "an administrator can enable it"),
    ((50126,), (ROPC,), "check the user name and the password"),
    ((50158,), (DEVICE, ROPC), "use -l interactive"),
    ((65004,), (ROPC,), "accept"),
]
CASES = [(code, login, step) for codes, logins, step in TABLE for code in codes for login in logins]


def refused(sim, folder, code, login):
    """Return the hint that a sign-in ends with when Entra ID answers with a code."""
    said = f"AADSTS{code}: no. Trace ID: x"
    body = json.dumps({"error": "invalid_request", "error_description": said}).encode()
    service = "imds" if login == MSI else "entra"
    sim.faults.add(Fault(service=service, path="/token", status=400, body=body, times=None))
    sim.faults.add(Fault(service=service, path="/devicecode", status=400, body=body, times=None))
    more = {}
    if login == SPN:
        more = {"client_secret": "s"}
    elif login == ROPC:
        more = {"username": "anna@contoso.example", "password": "p"}
    elif login == FEDERATED:
        file = folder / "token"
        file.write_text(sim.add_issuer().mint(subject="repo:octo/shop"))
        more = {"federated_token_file": str(file)}
    if login in (AZ, AZD):
        name = login.replace("azurecli", "az") + (".cmd" if os.name == "nt" else "")
        (folder / name).touch(mode=0o755)
    settings = Settings(
        login=login,
        server_id=sim.cluster.server_id,
        tenant_id=TENANT,
        client_id="" if login in (AZ, AZD, MSI) else CLIENT,
        authority_host="" if login in (AZ, AZD, MSI) else sim.authority,
        disable_instance_discovery=True,
        cache_dir=str(folder / "cache"),
        ca_file=str(sim.ca_file),
        **more,
    )
    system = System(
        environ={**sim.environ(), "PATH": str(folder)},
        prompt=lambda _: None,
        run_program=lambda *_, **__: Completed(1, "", f"ERROR: {said}\n"),
        sleep=lambda _: time.sleep(0),
    )
    with pytest.raises(SignInError) as caught:
        provider_for(settings, system).get_token()
    assert f"AADSTS{code}" in str(caught.value)
    return caught.value.hint


# Commands of other programs, as their own --help has them.
COMMANDS = {
    "az login": {"--tenant", "--scope", "--use-device-code"},
    "az logout": set(),
    "az cloud set": {"--name"},
    "az aks update": set(),
    "az ad sp create": {"--id"},
    "az ad sp update": {"--id", "--set"},
    "az ad app update": {
        *("--id", "--public-client-redirect-uris", "--is-fallback-public-client"),
    },
    "az ad app credential list": {"--cert", "--id"},
    "az ad app credential reset": {"--append", "--id"},
    "az ad app federated-credential list": {"--id"},
    "az ad app permission admin-consent": {"--id"},
    "azd auth login": {"--tenant-id"},
    "kubeauth login": set(),
    "curl": set(),
    "Connect-AzAccount": set(),
}


def named(hint):
    """Yield each command in a hint that stands in quotes, and what stands outside of them."""
    outside = re.sub(r"`[^`]*`", "", hint)
    return re.findall(r"`([^`]*)`", hint), re.findall(r"(?<![\w-])--?[a-z][a-z-]*", outside)


@pytest.fixture(scope="module")
def flags():
    """The flags of get-token, and the one for `az login` that hints name outside of the quotes."""
    helped = CliRunner().invoke(kubeauth, ["get-token", "--help"]).output
    return {*re.findall(r"(?<![\w-])--?[a-z][a-z-]*", helped), "--use-device-code"}


def assert_that_what_it_names_exists(hint, flags):
    """A flag is one of get-token's, a command is known with each of its flags."""
    commands, outside = named(hint)
    assert set(outside) <= flags
    for command in commands:
        known = max((c for c in COMMANDS if command.startswith(c)), key=len, default="")
        assert known, command
        assert set(re.findall(r" (--[a-z-]+)", command)) <= COMMANDS[known], command


@pytest.mark.parametrize(("code", "login", "step"), [c for c in CASES if c[1] != BROWSER])
def test_the_hint_has_the_next_step(sim, tmp_path, flags, code, login, step):
    hint = refused(sim, tmp_path, code, login)
    assert step.replace("{server}", sim.cluster.server_id) in hint
    assert_that_what_it_names_exists(hint, flags)


@pytest.mark.slow
@pytest.mark.parametrize("login", [DEVICE, ROPC, AZ, AZD, SPN, FEDERATED])
def test_what_any_hint_names_exists(sim, tmp_path, flags, login):
    """Each code with each login, also where Entra ID would hardly pair them."""
    for code in sorted({code for code, _, _ in CASES}):
        sim.faults.clear()
        assert_that_what_it_names_exists(refused(sim, tmp_path, code, login), flags)


@pytest.mark.process
@pytest.mark.parametrize(("code", "step"), [(c, s) for c, login, s in CASES if login == BROWSER])
def test_the_hint_after_a_browser(sim, tmp_path, code, step):
    said = {"error": "invalid_request", "error_description": f"AADSTS{code}: no"}
    sim.faults.add(
        Fault(service="entra", path="/token", status=400, body=json.dumps(said).encode())
    )
    anna = sim.tenant.add_user("anna@contoso.example")
    environ = {**sim.environ(), "BROWSER": sim.browser_command(anna)}
    provider = Interactive(
        server_id=sim.cluster.server_id,
        tenant_id=sim.tenant.id,
        client_id=AKS_CLIENT_ID,
        authority_host=sim.authority,
        disable_instance_discovery=True,
        cache_dir=str(tmp_path),
        system=System(environ=environ, prompt=lambda _: None),
    )
    with pytest.raises(SignInError) as caught:
        provider.get_token()
    assert step in caught.value.hint


def test_a_code_that_we_do_not_know_leads_on(sim, tmp_path):
    assert "https://login.microsoftonline.com/error" in refused(sim, tmp_path, 1003031, SPN)
