"""The check of a server's flows before it starts: their models have keys, and the user allows their hosts."""

from __future__ import annotations

from collections.abc import Iterable

from ..api import RunOptions
from ..session.endpoints import check_endpoints, close_endpoints
from ..session.listeners import Listeners
from ..session.models import models_of
from ..vocabulary.errors import UsageError
from ..vocabulary.remarks import unheard
from .server_budget import ServerBudget
from .tools import Tool


async def must_be_ready(tools: Iterable[Tool], options: RunOptions, purse: ServerBudget) -> None:
    """Open the models of all flows as their runs would, and close them. Nothing is sent to them.

    Raises UsageError for a missing key, an unknown model or price, or a host that the user does not allow.
    """
    for tool in tools:
        settings = options.settings(tool.plan.source)
        limits = [tool.budget and tool.budget.money, *(flow.money_limit for flow in tool.plan.flows.values())]
        priced = any(one is not None for one in limits) or purse.money.limit is not None
        try:
            models = models_of(tool.plan, {}, settings, options.parts(Listeners(())), unheard, priced=priced)
            try:
                await check_endpoints(models.endpoints)
            finally:
                await close_endpoints(models.endpoints, None, unheard)
        except UsageError as error:
            raise UsageError(f"the flow `{tool.name}` cannot be served: {error}") from None
