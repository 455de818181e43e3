"""Run flows of calls to language models from Python.

    import flowrun

    result = flowrun.run("is_spam.flow", email="You have won!")
    print(result.value)

The names are those of ``flowrun.runtime`` and a few of ``flowrun.dsl``. Each is loaded when it is first used, so
importing this package is quick. docs/python.md describes each name.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from flowrun import runtime

if TYPE_CHECKING:
    from flowrun import dsl
    from flowrun.dsl import Checked, Diagnostic, FlowError, Source
    from flowrun.runtime import *  # noqa: F403

    __version__: str

__all__ = ["Checked", "Diagnostic", "FlowError", "Source", "__version__", "dsl", "runtime"]
__all__ += runtime.__all__


if not TYPE_CHECKING:
    # Type checkers read the imports above instead. So they report a misspelt name.

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name == "__version__":
            from importlib.metadata import version

            value: Any = version("flowrun-dsl")
        elif name == "dsl":
            value = import_module("flowrun.dsl")
        else:
            value = getattr(runtime if name in runtime.__all__ else import_module("flowrun.dsl"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
