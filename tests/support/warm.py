"""Makes what each command that reads a plan needs, before the processes of tests are forked."""

from __future__ import annotations

from flowrun.dsl import Source, parse_flow, plan

parse_flow(Source("flow f() { return 1 }\n"))
plan.json_schema()
