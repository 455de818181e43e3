"""The server of flows for MCP clients, by the official SDK: each flow is a tool.

The protocol is that of modelcontextprotocol.io/specification (pages "Tools", "Progress" and "Cancellation"). Faults of
a call are results with ``isError``, so that a model reads them; an unknown tool is an error of the protocol.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import mcp_types as wire
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError

from flowrun.dsl import did_you_mean

from ..vocabulary.errors import FlowrunError
from ..vocabulary.quoting import shown
from .runs import Run, Runs
from .schemas import as_output
from .tools import Tool

EVERY = 0.25
"""The least seconds between two notifications of progress."""
_ABOUT = (
    "Each tool is a flow of flowrun: fixed calls to language models. Its description tells how many, and its budget. "
    "Answers are kept in a journal: to call a tool again with the same arguments costs nothing."
)


class ToolServer:
    """The tools of a server, and their calls."""

    def __init__(self, tools: Mapping[str, Tool], runs: Runs, version: str) -> None:
        self._tools = tools
        self._runs = runs
        self.server: Server[Any] = Server(
            "flowrun", version=version, instructions=_ABOUT, on_list_tools=self._list, on_call_tool=self._call
        )

    async def serve(self) -> None:
        """Serve standard input and output until the input ends. The runs that go on then are stopped, and kept."""
        try:
            async with stdio_server() as (read, write):
                await self.server.run(read, write, self.server.create_initialization_options())
        finally:
            await self.leave()

    async def leave(self) -> None:
        """Take no more calls, and stop the runs. They keep the answers of the requests under way."""
        self._runs.closing = True
        self._runs.stop()
        await self._runs.ended()
        # The answers to the last calls are still to be written.
        await asyncio.sleep(0.05)

    async def _list(self, context: Any, params: Any) -> wire.ListToolsResult:
        return wire.ListToolsResult(tools=[described(tool) for tool in self._tools.values()])

    async def _call(self, context: Any, params: wire.CallToolRequestParams) -> wire.CallToolResult:
        tool = self._tools.get(params.name)
        if tool is None:
            guess = did_you_mean(params.name, self._tools)
            known = ", ".join(self._tools)
            raise MCPError(
                wire.INVALID_PARAMS, f"no tool is called {shown(params.name)}; {guess or f'there are {known}'}"
            )
        try:
            run = await self._runs.begin(tool, params.arguments or {})
        except FlowrunError as error:
            return _error(str(error))
        version = -1
        # A client that cancels interrupts the wait, and so leaves the run, which stops.
        with run.followed():
            while not await run.wait(EVERY):
                if version != run.progress.version:
                    version = run.progress.version
                    await _report(context, run, version)
            await _report(context, run, max(version + 1, run.progress.version))
        return _result(run)


def described(tool: Tool) -> wire.Tool:
    """Describe a flow as a tool. It changes nothing, costs money, and reaches servers of models."""
    return wire.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=tool.inputs,
        output_schema=tool.output,
        annotations=wire.ToolAnnotations(
            title=tool.name.replace("_", " "),
            # A Python function of the user may do anything.
            read_only_hint=not tool.plan.externs,
            destructive_hint=bool(tool.plan.externs),
            idempotent_hint=not tool.plan.externs,
            open_world_hint=True,
        ),
    )


async def _report(context: Any, run: Run, version: int) -> None:
    """Tell the progress. Each notification has a greater number than the one before, as the protocol demands."""
    progress = run.progress
    done = progress.finished + progress.lost + min(0.999, version / 10**9)
    await context.session.report_progress(done, max(progress.steps, progress.finished) or None, progress.words)


def _result(run: Run) -> wire.CallToolResult:
    end = run.end
    assert end is not None
    about = {"flowrun/run": run.id, "flowrun/status": end.status}
    if not end.complete:
        return _error(end.why, about)
    text = end.value if isinstance(end.value, str) else json.dumps(end.value, ensure_ascii=False)
    content: list[Any] = [wire.TextContent(type="text", text=text)]
    content += [wire.TextContent(type="text", text=end.why)] if end.why else []
    return wire.CallToolResult(
        content=content,
        structured_content=as_output(run.tool.plan.type, end.value),
        is_error=False,
        _meta={**about, **_account(end.report)},
    )


def _account(report: bytes) -> dict[str, Any]:
    whole = json.loads(report)
    return {f"flowrun/{name}": whole[name] for name in ("calls", "recalled", "cost") if name in whole}


def _error(why: str, about: Mapping[str, Any] | None = None) -> wire.CallToolResult:
    return wire.CallToolResult(
        content=[wire.TextContent(type="text", text=why)], is_error=True, _meta=dict(about or {})
    )
