"""The failures of steps."""

from __future__ import annotations


class Failure(Exception):
    """The failure of a step. If it ``abstains``, an answer came and is no ballot; else a vote counts it as missing."""

    abstains = False


class BadAnswer(Failure):
    """An answer that has no value of its type. ``why`` continues the sentence "That answer cannot be used: it".

    ``final``: another try would give the same. ``told``: the next try tells the model why, in ``room`` tokens.
    """

    abstains = True
    room = 40

    def __init__(self, text: str, why: str, *, final: bool = False, told: bool = True) -> None:
        super().__init__(f"the answer {why or 'has another form than was asked for'}: {text[:80]!r}")
        self.text = text
        self.why = why
        self.final = final
        self.told = told


class FailedCheck(BadAnswer):
    """An answer of the right type that fails the check of its ask."""

    room = 80


class NoResult(Failure):
    """The results of a block make no value."""

    abstains = True


def failure_of(error: Exception) -> Failure:
    """Return an error as the failure of a step: an expression without a value fails its step, too."""
    return error if isinstance(error, Failure) else Failure(f"{type(error).__name__}: {error}")


class UsageError(Failure):
    """An argument that a function does not take."""
