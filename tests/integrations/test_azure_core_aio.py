"""Credentials for the asynchronous clients of Azure's SDK: one request, and nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import random
import threading

import pytest
from azure.core import AsyncPipelineClient
from azure.core.credentials import AccessToken as AzureToken
from azure.core.credentials import AccessTokenInfo
from azure.core.credentials_async import AsyncSupportsTokenInfo, AsyncTokenCredential
from azure.core.pipeline.policies import AsyncBearerTokenCredentialPolicy
from azure.core.pipeline.transport import AsyncioRequestsTransport
from azure.core.rest import HttpRequest

from kubeauth import AccessToken, SettingsError, SignInRefused
from kubeauth.jwt import claims_of
from kubeauth.testing import Fault


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("kubeauth")]


class TestProtocol:
    def test_has_both_forms(self, principal):
        assert isinstance(principal.aio, AsyncTokenCredential)
        assert isinstance(principal.aio, AsyncSupportsTokenInfo)
        assert principal.aio is principal.aio

    def test_opens_an_api_through_its_pipeline(self, principal, scope, sim, sign_ins):
        async def main():
            policy = AsyncBearerTokenCredentialPolicy(principal.aio, scope)
            transport = AsyncioRequestsTransport(
                connection_verify=str(sim.ca_file), use_env_settings=False
            )
            async with (
                principal.aio,
                AsyncPipelineClient(
                    sim.cluster.server, policies=[policy], transport=transport
                ) as client,
            ):
                for _ in range(2):
                    request = HttpRequest("GET", f"{sim.cluster.server}/api/v1/nodes")
                    assert (await client.send_request(request)).status_code == 200

        asyncio.run(main())
        assert sign_ins() == 1

    def test_gives_its_kinds_of_tokens(self, principal, scope, sim):
        vault = sim.tenant.add_application("vault").client_id

        async def main():
            own = await principal.aio.get_token()
            token = await principal.aio.get_token(scope)
            info = await principal.aio.get_token_info(scope, options={"enable_cae": True})
            other = await principal.aio.get_token(f"{vault}/.default")
            return own, token, info, other

        own, token, info, other = asyncio.run(main())
        assert isinstance(own, AccessToken)
        assert isinstance(token, AzureToken) and isinstance(info, AccessTokenInfo)
        assert own.token == token.token == info.token
        assert claims_of(other.token)["aud"] == vault

    def test_a_failure_is_its_own(self, principal, scope, sim):
        sim.fail_next(7000215)
        with pytest.raises(SignInRefused, match="AADSTS7000215"):
            asyncio.run(principal.aio.get_token(scope))
        with pytest.raises(SettingsError):
            asyncio.run(principal.aio.get_token("a/.default", "b/.default"))
        assert asyncio.run(principal.aio.get_token(scope)).token

    def test_a_provider_of_another_scope_has_its_own(self, principal, scope):
        assert principal.aio.credential is principal
        other = principal.for_scope(scope)
        assert other.aio.credential is other


class TestAtOnce:
    def test_a_thousand_tasks_make_one_request(self, principal, scope, sign_ins):
        async def main():
            async with principal.aio as credential:
                asked = [credential.get_token(scope) for _ in range(1000)]
                return await asyncio.gather(*asked)

        tokens = asyncio.run(main())
        assert len({token.token for token in tokens}) == 1
        assert sign_ins() == 1 and threads() == []

    @pytest.mark.parametrize("seed", range(5))
    def test_random_cancellations(self, principal, scope, sim, sign_ins, seed):
        chance = random.Random(seed)
        sim.faults.add(Fault(service="entra", path="/token", latency=0.2))
        unheard: list[object] = []

        async def main():
            asyncio.get_running_loop().set_exception_handler(lambda _, what: unheard.append(what))

            async def ask():
                await asyncio.sleep(chance.random() * 0.1)
                return (await principal.aio.get_token(scope)).token

            async with principal.aio:
                tasks = [asyncio.create_task(ask()) for _ in range(1000)]
                gone = chance.sample(tasks, 600)
                for task in gone:
                    await asyncio.sleep(chance.random() * 0.0005)
                    task.cancel()
                answers = await asyncio.gather(*tasks, return_exceptions=True)
            gc.collect()
            return answers

        answers = asyncio.run(main())
        tokens = {each for each in answers if isinstance(each, str)}
        others = {type(each) for each in answers if not isinstance(each, str)}
        assert len(tokens) == 1 and others == {asyncio.CancelledError}
        assert sign_ins() == 1 and threads() == [] and unheard == []
        # No lock is left: the provider signs in again at once.
        assert principal.renewed(principal.token(), worked=True).token

    def test_when_every_task_is_cancelled_the_sign_in_still_serves(
        self, principal, scope, sim, sign_ins
    ):
        sim.faults.add(Fault(service="entra", path="/token", latency=0.3))
        unheard: list[object] = []

        async def main():
            asyncio.get_running_loop().set_exception_handler(lambda _, what: unheard.append(what))
            async with principal.aio as credential:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(credential.get_token(scope), 0.05)
                assert threads()
            assert threads() == []
            return await credential.get_token(scope)

        assert asyncio.run(main()).token
        assert sign_ins() == 1 and unheard == []

    def test_a_failure_that_nobody_waits_for_is_silent(self, principal, scope, sim):
        sim.faults.add(Fault(service="entra", path="/token", status=400, body=b"{}", latency=0.2))
        unheard: list[object] = []

        async def main():
            asyncio.get_running_loop().set_exception_handler(lambda _, what: unheard.append(what))
            async with principal.aio as credential:
                task = asyncio.create_task(credential.get_token(scope))
                await asyncio.sleep(0.05)
                task.cancel()
            gc.collect()

        asyncio.run(main())
        assert unheard == []

    def test_a_loop_that_is_closed_meanwhile(self, principal, scope, sim):
        sim.faults.add(Fault(service="entra", path="/token", latency=0.3))

        async def main():
            await asyncio.wait_for(principal.aio.get_token(scope), 0.05)

        with pytest.raises(asyncio.TimeoutError):
            asyncio.run(main())
        for thread in threading.enumerate():
            if thread.name.startswith("kubeauth"):
                thread.join(10)
        assert threads() == []
        assert asyncio.run(principal.aio.get_token(scope)).token

    def test_two_loops_at_once(self, principal, scope, sign_ins):
        found: list[str] = []

        def run():
            found.append(asyncio.run(principal.aio.get_token(scope)).token)

        loops = [threading.Thread(target=run) for _ in range(4)]
        for each in loops:
            each.start()
        for each in loops:
            each.join()
        assert len(found) == 4 and len(set(found)) == 1 and sign_ins() == 1
