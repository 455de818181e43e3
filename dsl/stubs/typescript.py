"""Stubs in TypeScript: interfaces, and a function for each flow that posts its inputs to `flowrun serve`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from .. import types as t
from ..patterns import pattern
from .flow_stubs import StubFlow
from .names import Names, type_name
from .shapes import Shapes

HEAD = "// Typed functions that run flows. `flowrun stubs` wrote this file: do not edit it, write it again."
_TAKEN = (
    "any Array boolean break case catch class const continue debugger default delete do else enum export extends false "
    "finally for function if implements import in instanceof interface let new null number object package private "
    "protected public return static string super switch symbol this throw true try type typeof unknown var void while "
    "with yield await async arguments eval Promise Error JSON Response Record fetch Server FlowFile FlowError "
    "call server inputs"
)
_PLAIN = pattern(r"[A-Za-z_$][A-Za-z0-9_$]*")
_BODY = """
/** A running `flowrun serve`: its address, its token if it wants one, and perhaps a `fetch` of your own. */
export interface Server {
  url: string;
  token?: string;
  fetch?: typeof fetch;
}

/** An image or a document: its bytes in base64, or a path in a folder that the server allows. */
export type FlowFile = { base64: string; name?: string } | { path: string };

/** A flow that has no value. `status` is that of the reply, `reply` its body. */
export class FlowError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly reply: unknown,
  ) {
    super(message);
    this.name = "FlowError";
  }
}

async function call(server: Server, flow: string, inputs: object): Promise<unknown> {
  const headers: Record<string, string> = { "content-type": "application/json" };
  if (server.token !== undefined) headers["authorization"] = `Bearer ${server.token}`;
  const send = server.fetch ?? fetch;
  const address = `${server.url.replace(/\\/+$/, "")}/flows/${encodeURIComponent(flow)}`;
  const response = await send(address, { method: "POST", headers, body: JSON.stringify(inputs) });
  const text = await response.text();
  let reply: unknown = text;
  try {
    reply = JSON.parse(text);
  } catch {
    throw new FlowError(`the server did not answer with JSON (status ${response.status})`, response.status, text);
  }
  if (!response.ok) {
    const told = typeof reply === "object" && reply !== null && "error" in reply ? `: ${reply.error}` : "";
    throw new FlowError(`the flow ${flow} has no value${told}`, response.status, reply);
  }
  if (typeof reply !== "object" || reply === null || !("value" in reply)) {
    throw new FlowError(`the reply about the flow ${flow} has no value`, response.status, reply);
  }
  return reply.value;
}
"""


class ScriptShapes(Shapes):
    """The types of a stub in TypeScript: an interface for a record, words for a choice."""

    def record(self, name: str, parts: list[tuple[t.Field, str]], *, given: bool) -> list[str]:
        lines: list[str] = []
        for one, text in parts:
            lines += _comment(one.description, "  ") if one.description else []
            lines.append(f"  {_key(one.name)}{'?' if self.lacking(one, given=given) else ''}: {text};")
        return ["", f"export interface {name} {{", *lines, "}"]

    def union(self, name: str, options: list[str]) -> list[str]:
        return ["", f"export type {name} = {' | '.join(options)};"]

    def many(self, item: str, *, given: bool) -> str:
        return f"{'Readonly' if given else ''}Array<{item}>"

    def maybe(self, item: str) -> str:
        return item if item in ("unknown", "null") or item.endswith("| null") else f"{item} | null"

    def words(self, options: tuple[str, ...]) -> str:
        return " | ".join(map(_quoted, options))

    def simple(self, type_: t.Type, *, given: bool) -> str:
        match type_:
            case t.Simple("int" | "number") | t.Quantity() | t.Range():
                return "number"
            case t.Simple("bool"):
                return "boolean"
            case t.Simple("none"):
                return "null"
            case t.Simple("json" | "unknown") | t.Mixed():
                return "unknown"
            case t.Simple("document") if given:
                return "string | FlowFile"
            case t.Simple("image"):
                return "FlowFile" if given else "unknown"
        return "string"


def typescript_stub(flows: Sequence[StubFlow]) -> str:
    """Return the module for these flows."""
    names = Names(_TAKEN.split())
    functions = [(flow, names.free(flow.name)) for flow in flows]
    shapes = ScriptShapes(names)
    bodies: list[str] = []
    for flow, function in functions:
        label = type_name(flow.name)
        result = shapes.written(flow.result, f"{label}Result", given=False)
        fields = []
        for one in flow.params:
            written = shapes.written(one.type, f"{flow.name}_{one.name}", given=True)
            fields.append(f"  {_key(one.name)}{'' if one.required else '?'}: {written};")
        inputs = names.free(f"{label}Inputs", sign="")
        bodies += ["", f"/** The inputs of the flow `{flow.name}`. */"]
        bodies += (
            [f"export interface {inputs} {{", *fields, "}"]
            if fields
            else [f"export type {inputs} = Record<string, never>;"]
        )
        bodies += ["", *_comment(flow.comment or f"Run the flow `{flow.name}` of {flow.path}.")]
        some = " = {}" if all(not one.required for one in flow.params) else ""
        bodies += [
            f"export async function {function}(server: Server, inputs: {inputs}{some}): Promise<{result}> {{",
            f"  return (await call(server, {_quoted(flow.name)}, inputs)) as {result};",
            "}",
        ]
    return "\n".join([HEAD, *_BODY.rstrip("\n").split("\n"), *shapes.lines, *bodies]) + "\n"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    """Yield the lines of a comment. The text cannot end it."""
    plain = "".join(char if char.isprintable() or char == "\n" else " " for char in text).replace("*/", "*\\/")
    lines = plain.split("\n")
    if len(lines) == 1:
        yield f"{indent}/** {lines[0]} */"
        return
    yield f"{indent}/**"
    yield from (f"{indent} * {line}".rstrip() for line in lines)
    yield f"{indent} */"


def _key(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=not text.isprintable())
