"""Any credential for asynchronous programs: ``credential.aio``.

It follows the protocols ``AsyncTokenCredential`` and ``AsyncSupportsTokenInfo`` of azure-core,
without importing azure-core. It works with asyncio, not with other event loops.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeAlias, overload

    import azure.core.credentials
    from typing_extensions import Self

    from kubeauth.token import AccessToken

    class Credential(Protocol):
        """The methods of ``kubeauth.Credential`` used here; its module imports this one."""

        def get_token(self, *scopes: str, claims: str | None, tenant_id: str | None) -> Any:
            """Return a token."""

        def get_token_info(self, *scopes: str, options: Mapping[str, Any] | None) -> Any:
            """Return a token with its times."""

    # A request: its loop, its kind and everything that decides its answer.
    Asked: TypeAlias = tuple[Any, ...]

__all__ = ["AsyncCredential"]


class AsyncCredential:
    """A credential whose tokens are awaited; a thread does the work.

    Of many tasks that ask at once, one starts the work and all get its answer. A task may be
    cancelled while it waits: the others are not, and the sign-in goes on to its end, for the cache.
    ``close``, which ``async with`` calls, waits for that end, so that no thread is left behind.
    """

    def __init__(self, credential: Credential) -> None:
        self.credential = credential
        self._under_way: dict[Asked, asyncio.Future[Any]] = {}

    def __repr__(self) -> str:
        return f"{self.credential!r}.aio"

    if TYPE_CHECKING:

        @overload
        async def get_token(self) -> AccessToken: ...

        @overload
        async def get_token(
            self,
            *scopes: str,
            claims: str | None = None,
            tenant_id: str | None = None,
            enable_cae: bool = False,
            **kwargs: Any,
        ) -> azure.core.credentials.AccessToken: ...

    async def get_token(
        self,
        *scopes: str,
        claims: str | None = None,
        tenant_id: str | None = None,
        enable_cae: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Return a token as ``Credential.get_token`` does. Raises SignInError."""
        return await self._shared(
            ("token", scopes, claims, tenant_id),
            lambda: self.credential.get_token(*scopes, claims=claims, tenant_id=tenant_id),
        )

    async def get_token_info(
        self, *scopes: str, options: Mapping[str, Any] | None = None
    ) -> azure.core.credentials.AccessTokenInfo:
        """Return a token as ``Credential.get_token_info`` does. Raises SignInError."""
        asked = options or {}
        return await self._shared(  # type: ignore[no-any-return]  # as the credential returns it
            ("info", scopes, asked.get("claims"), asked.get("tenant_id")),
            lambda: self.credential.get_token_info(*scopes, options=options),
        )

    async def close(self) -> None:
        """Wait until every sign-in of this event loop that is under way has ended."""
        loop = asyncio.get_running_loop()
        while mine := [work for asked, work in self._under_way.items() if asked[0] is loop]:
            await asyncio.wait(mine)

    async def __aenter__(self) -> Self:
        """Return the credential itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Wait as ``close`` does."""
        await self.close()

    async def _shared(self, question: tuple[Any, ...], work: Callable[[], Any]) -> Any:
        """Run ``work``, or wait for another task's run of the same question; return its result."""
        asked = (asyncio.get_running_loop(), *question)
        answer = self._under_way.get(asked)
        if answer is None:
            answer = self._started(asked, work)
        # A task that is cancelled must not cancel what others wait for.
        return await asyncio.shield(answer)

    def _started(self, asked: Asked, work: Callable[[], Any]) -> asyncio.Future[Any]:
        """Start a thread for ``work`` and return the future of its answer."""
        loop: asyncio.AbstractEventLoop = asked[0]
        answer: asyncio.Future[Any] = loop.create_future()
        self._under_way[asked] = answer

        def settle(result: Any, error: BaseException | None) -> None:
            thread.join()  # it has only to end, and who closes must not find it
            self._under_way.pop(asked, None)
            if answer.cancelled():
                return
            if error is None:
                answer.set_result(result)
                return
            answer.set_exception(error)
            answer.exception()  # perhaps every task that asked has gone

        def run() -> None:
            result, error = None, None
            try:
                result = work()
            except BaseException as raised:
                error = raised
            try:
                loop.call_soon_threadsafe(settle, result, error)
            except RuntimeError:  # the program has closed its loop
                self._under_way.pop(asked, None)

        thread = threading.Thread(target=run, name="kubeauth sign-in", daemon=True)
        try:
            thread.start()
        except BaseException:
            with contextlib.suppress(KeyError):
                del self._under_way[asked]
            raise
        return answer
