"""The errors of runs. The errors of calls are classes by the action that may follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .json_value import Json
    from .receipt import Receipt
    from .usage import Rates, Usage


def told(error: BaseException, hide: Callable[[str], str] = str, most: int = 500) -> str:
    """Describe an exception of foreign code in one line: its kind, and its message if it has one.

    ``hide`` removes secrets from the message.
    """
    try:
        from .quoting import sentence

        words = sentence(hide(str(error)), most)
    except Exception:  # noqa: BLE001 (writing it out is foreign code, too)
        words = ""
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def mistake_in(error: BaseException, hide: Callable[[str], str] = str) -> str:
    """Describe an unexpected exception for a message: its kind and message, and the place that raised it."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        # The modules that import others have no file: a person can look nothing up there.
        if not file.startswith("<frozen "):
            from pathlib import PurePath

            place = f", in {PurePath(file).name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"{told(error, hide, 200)}{place}"


class FlowrunError(Exception):
    """The base of all failures that a user can cause or meet. Its text is safe to print on a terminal."""

    def __str__(self) -> str:
        from .quoting import inert  # a program that only helps shows no foreign text

        return inert(super().__str__())


class UsageError(FlowrunError):
    """The command or the caller asked for something impossible, such as an unknown model, or left out an input."""


class InputError(UsageError):
    """An input of the flow is missing, cannot be read, or has another type than its parameter."""


class NotInstalledError(UsageError):
    """A package that flowrun needs here is not installed."""


class LengthError(InputError):
    """A list of the flow has more elements than its map takes, or the list of a panel has none."""


class CallError(FlowrunError):
    """A call to a model failed.

    ``retry_after`` is in seconds from now, None if the server named no time. ``rates`` are the rate limits in the
    headers of the reply. ``doubtful`` says that the attempt may have been paid.
    """

    doubtful = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        rates: Rates | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.rates = rates


class RefusedError(CallError):
    """The server did not accept the request (429, 503, 529, no connection). It is safe to send it again."""


class InDoubtError(CallError):
    """The server may have done the work, so the call may have been paid.

    This is so after a 500, 502 or 504, a time-out, or a reset after sending.
    """

    doubtful = True


class PermanentError(CallError):
    """The same request would fail again (other 4xx, a missing key, an exhausted quota)."""


class EndpointError(PermanentError):
    """No request can succeed at this endpoint any more. Its quota is used up, or it does not accept the key."""


class ModelError(PermanentError):
    """No request for this model can succeed any more. The server does not have the model, or this key may not use it.

    Other models at the same endpoint may work.
    """


class AnswerError(CallError):
    """The answer came and was paid, but cannot be used: it is empty, cut off, filtered, or of the wrong type.

    ``text`` is the answer of the model, as far as it arrived. ``usage`` has the billed tokens, None if the server did
    not report them. ``final`` says that the same request would end in the same way again. ``finish``, ``more`` and
    ``receipt`` are those of an Answer and a Reply; they are empty if the server does not tell them.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str = "",
        usage: Usage | None = None,
        rates: Rates | None = None,
        final: bool = False,
        finish: str = "",
        receipt: Receipt | None = None,
        more: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(message, rates=rates)
        self.text = text
        self.usage = usage
        self.final = final
        self.finish = finish
        self.receipt = receipt
        self.more = more


class MalformedError(AnswerError):
    """The answer is complete, but does not have the type that was asked for.

    When the model is asked again, it is told ``why``. ``why`` continues a sentence that begins with "the answer"; it is
    "" if nothing more can be said.
    """

    def __init__(self, message: str, *, text: str = "", why: str = "", usage: Usage | None = None) -> None:
        super().__init__(message, text=text, usage=usage)
        self.why = why


class UncheckedError(MalformedError):
    """The answer has the type that was asked for, and fails the check of its ask."""


class BudgetError(FlowrunError):
    """The next call would exceed a budget, so it is not made.

    ``flow`` is the called flow that has this budget, "" if it is the budget of the run.
    """

    doubtful = False

    def __init__(self, message: str, flow: str = "") -> None:
        super().__init__(message)
        self.flow = flow


class DiskError(FlowrunError):
    """The journal cannot be read or written: a full disk, a read-only folder, a failed sync, or a damaged file."""


class StoppedError(FlowrunError):
    """The run was stopped before it had its value. ``signal`` is the number of the signal that asked for it."""

    def __init__(self, signal: int) -> None:
        super().__init__("the run was stopped")
        self.signal = signal


class PlanError(FlowrunError):
    """A plan breaks a rule of the checker, because it was edited or another program made it."""
