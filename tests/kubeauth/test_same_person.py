"""Whether a login hint and the name that Entra ID gives are one person's."""

from __future__ import annotations

import time

import pytest
from harness import approving

from kubeauth import DeviceCode, SignInRefused, System
from kubeauth.providers._bases.person import is_same_person
from kubeauth.testing import AKS_CLIENT_ID, Simulator


@pytest.mark.parametrize(
    ("hint", "name", "same"),
    [
        ("dana@contoso.example", "dana@contoso.example", True),
        ("Dana@Contoso.example ", "dana@contoso.EXAMPLE", True),
        ("dana@contoso.example", "bert@contoso.example", False),
        ("dana@contoso.example", "dana@fabrikam.example", False),
        ("dana", "dana@contoso.example", False),
        ("dana@home.example", "dana_home.example#EXT#@contoso.onmicrosoft.com", True),
        ("d_n@home.example", "d_n_home.example#EXT#@contoso.onmicrosoft.com", True),
        ("dana@other.example", "dana_home.example#EXT#@contoso.onmicrosoft.com", False),
        (
            "dana_home.example#EXT#@contoso.onmicrosoft.com",
            "dana_home.example#ext#@contoso.onmicrosoft.com",
            True,
        ),
        ("", "dana@contoso.example", False),
    ],
)
def test_names(hint: str, name: str, same: bool) -> None:
    assert is_same_person(hint, name) is same


def test_a_code_that_somebody_else_types_is_refused(sim: Simulator, tmp_path) -> None:
    anna = sim.tenant.add_user(f"anna-{time.monotonic_ns()}@{sim.tenant.name}")
    provider = DeviceCode(
        server_id=sim.cluster.server_id,
        tenant_id=sim.tenant.id,
        client_id=AKS_CLIENT_ID,
        login_hint="bert@contoso.example",
        authority_host=sim.authority,
        disable_instance_discovery=True,
        ca_file=str(sim.ca_file),
        cache_dir=str(tmp_path),
        cache_storage="file",
        system=System(environ={"HOME": str(tmp_path)}, prompt=lambda _: None),
    )
    with approving(sim, anna), pytest.raises(SignInRefused, match=anna.upn) as refused:
        provider.get_token()
    assert refused.value.code == "other_person"
    assert not list(tmp_path.glob("*.session.*")) + list(tmp_path.glob("*.token.json"))
