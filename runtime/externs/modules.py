"""The search for the Python function that an extern names, and the check that it takes the flow's arguments."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from flowrun.dsl import did_you_mean
from flowrun.dsl import plan as p

from ..vocabulary.errors import UsageError, told
from ..vocabulary.quoting import shown

Function = Callable[..., Any]


def found(name: str, extern: p.Extern, folder: Path) -> Function:
    """Import the module of an extern, and return the extern's function.

    Raises UsageError if there is no such function, or if it takes other parameters.
    """
    where = f"the extern `{name}` ({extern.target})"
    module_name, _, attribute = extern.target.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name + ".").startswith(error.name + "."):
            raise UsageError(
                f"{where}: the Python module {shown(error.name)} is neither in the folder of the flow nor "
                "on Python's search path"
            ) from None
        raise UsageError(f"{where}: importing {shown(module_name)} failed: {told(error)}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001 (a module may raise anything while it is imported)
        raise UsageError(f"{where}: importing {shown(module_name)} failed: {told(error)}") from None
    _not_another(where, module_name.partition(".")[0], folder)
    function: Any = module
    for part in attribute.split("."):
        names = [one for one in dir(function) if not one.startswith("_")]
        try:
            function = getattr(function, part)
        except AttributeError:
            guess = did_you_mean(part, names)
            raise UsageError(
                f"{where}: {shown(module_name)} has no function {shown(attribute)}" + (f"; {guess}" if guess else "")
            ) from None
        except Exception as error:  # noqa: BLE001 (a module may have a `__getattr__` of its own)
            raise UsageError(f"{where}: getting {shown(attribute)} failed: {told(error)}") from None
    if not callable(function):
        raise UsageError(f"{where}: {shown(attribute)} is not a function (it is a Python {type(function).__name__})")
    called: Function = function
    _fits(where, called, [param.name for param in extern.params])
    return called


def _not_another(where: str, top: str, folder: Path) -> None:
    """Check that no other module hides the flow's own module. Raises UsageError if one does.

    Python keeps only one module of a name. So an earlier module could be taken for the flow's.
    """
    beside = [path for path in (folder / f"{top}.py", folder / top / "__init__.py") if path.is_file()]
    origin = getattr(sys.modules.get(top), "__file__", None)
    if beside and (origin is None or Path(origin).resolve() not in [path.resolve() for path in beside]):
        raise UsageError(
            f"{where}: {shown(str(beside[0]))} is hidden by a loaded module of the same name "
            f"{shown(top)} ({shown(origin or 'a part of Python')}); rename your file"
        )


def _fits(where: str, function: Function, names: list[str]) -> None:
    """Check that a function takes these parameters by name and needs no others. Raises UsageError otherwise."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # Some functions written in C do not list their parameters.
        return
    params = signature.parameters
    by_name = {name for name, one in params.items() if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    rest = any(one.kind is one.VAR_KEYWORD for one in params.values())
    takes = f"it takes {shown(str(signature))}"
    for name in names:
        if name not in by_name and not rest:
            raise UsageError(f"{where}: the function has no keyword parameter `{name}`; {takes}")
    for name, one in params.items():
        free = one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL) or one.default is not one.empty
        if not free and (name not in names or name not in by_name):
            raise UsageError(f"{where}: the function needs `{name}`, and the extern does not pass it; {takes}")
