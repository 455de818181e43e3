"""Services of a cloud: their address follows from a region or a resource that the user names."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flowrun.dsl import dataclass

from .services import Service
from .traits import Traits


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudService(Service):
    """A service whose address is worked out.

    Attributes:
        located: returns the address from the variables that the user has set; "" if they do not tell it.
        settings: further variables that it reads.
        of_model: returns the traits of a model by its name, if the service has models of several makers.
    """

    located: Callable[[Mapping[str, str]], str]
    settings: tuple[str, ...] = ()
    of_model: Callable[[str], Traits] | None = None

    def __post_init__(self) -> None:
        own = (*self.key_variables, self.base_variable, *self.settings)
        object.__setattr__(self, "variables", tuple(name for name in dict.fromkeys(own) if name))

    def address(self, environ: Mapping[str, str]) -> str:
        return self.located(environ).rstrip("/")

    def traits_for(self, name: str) -> Traits:
        return self.traits if self.of_model is None else self.of_model(name)
