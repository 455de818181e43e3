"""Headers that prove who asks, made for each request anew: a signature, or a token that is renewed in time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from ..vocabulary.errors import EndpointError, UsageError
from .secret import secret

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

_REMEMBERED = 8
_Made = TypeVar("_Made")


class Signer(ABC):
    """The maker of the headers for one account at one endpoint.

    ``account`` is a text that tells one account from another. It is never printed.
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self._secrets: list[str] = []
        self._search: Renewal[None] = Renewal(self.find)
        self._found = False

    async def ready(self) -> None:
        """Find the credentials, if that has not been done. Raises: UsageError, which says what is missing."""
        if not self._found:
            await self._search.done()
            self._found = True

    async def headers(self, url: str, body: bytes) -> Mapping[str, str]:
        """Return the headers for one POST. Raises: RefusedError, EndpointError."""
        try:
            await self.ready()
        except UsageError as error:
            raise EndpointError(str(error)) from None
        return await self.made(url, body)

    @abstractmethod
    def find(self) -> None:
        """Find the credentials, in a thread. Raises: UsageError."""

    @abstractmethod
    async def made(self, url: str, body: bytes) -> Mapping[str, str]:
        """Make the headers for one POST with the credentials that were found. Raises: RefusedError, EndpointError."""

    @abstractmethod
    def advice(self, status: int) -> str:
        """Return advice to the user for this status of a server's answer. "" if there is none."""

    def knows(self, *keys: str | None) -> None:
        """Remember keys and tokens that go out in headers. Older ones are forgotten after a few renewals."""
        for key in keys:
            if key and key not in self._secrets:
                self._secrets.append(key)
        del self._secrets[:-_REMEMBERED]

    def hide(self, text: str) -> str:
        """Return the text of a message without the keys and tokens."""
        for key in self._secrets:
            text = secret(key).hide(text)
        return text

    def carried_by(self, text: str) -> bool:
        """Tell whether the text contains one of the keys or tokens."""
        return any(secret(key).carried_by(text) for key in self._secrets)


class Renewal(Generic[_Made]):
    """A slow piece of work in a thread. All that need it at the same time share one thread, and wait for it.

    A program that ends does not wait for the thread, which may hang on a server that is silent.
    """

    def __init__(self, work: Callable[[], _Made]) -> None:
        self._work = work
        self._made: Future[_Made] | None = None

    async def done(self) -> _Made:
        """Return what the work makes, or raise what it raises. A caller that is cancelled does not stop the others."""
        # The declaration of a provider is also read by commands that send nothing.
        import asyncio
        from threading import Thread

        loop = asyncio.get_running_loop()
        if self._made is None or self._made.done() or self._made.get_loop() is not loop:
            made = self._made = loop.create_future()
            # Without this, a failure after which nobody waits any more would be printed when the future is forgotten.
            made.add_done_callback(lambda one: one.cancelled() or one.exception())
            Thread(target=self._do, args=(loop, made), daemon=True).start()
        return await asyncio.shield(self._made)

    def _do(self, loop: AbstractEventLoop, made: Future[_Made]) -> None:
        settle: Callable[[], None]
        try:
            result = self._work()
        except Exception as error:  # noqa: BLE001 (it is raised where the work is waited for)
            settle = partial(made.set_exception, error)
        else:
            settle = partial(made.set_result, result)
        with suppress(RuntimeError):  # the loop has ended, so nobody waits
            loop.call_soon_threadsafe(lambda: None if made.done() else settle())
