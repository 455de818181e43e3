"""The check of a file whose holes have many values: each of its settings is checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from .checked import Checked
from .diagnostics import Diagnostic, FlowError

Check = Callable[[tuple[int, ...]], Checked]


def check_every(first: Checked, check: Check) -> None:
    """Check a file with all settings but the first, which is checked. Keep the warnings that all settings have.

    Raises FlowError with the errors of the settings.
    """
    tuning = first.tuning
    assert tuning is not None
    common, errors = list(first.warnings), dict[Diagnostic, None]()
    for setting in tuning.settings()[1:]:
        try:
            found: Sequence[Diagnostic] = check(setting).warnings
        except FlowError as error:
            wrong = [one for one in error.diagnostics if one.severity == "error"]
            alike = {(one.code, one.span) for one in errors}
            note = f"with {tuning.words(setting)}"
            errors |= {replace(one, note=one.note or note): None for one in wrong if (one.code, one.span) not in alike}
            found = error.diagnostics
        common = [one for one in common if any((one.code, one.span) == (other.code, other.span) for other in found)]
    if errors:
        raise FlowError(sorted([*errors, *common], key=lambda one: one.sort_key))
    first.warnings = tuple(common)
