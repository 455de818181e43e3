"""The audit of very large flows: short to read, whole as JSON, and quick beside the check."""

from __future__ import annotations

import gc
import json
import time
from dataclasses import replace

from flowrun.dsl import Examined, FlowReach, Report, Source, audit_json, labels_of, make_plan, reach_of
from flowrun.dsl import plan as p
from flowrun.runtime.catalog import catalog
from flowrun.runtime.cli.audits import reaches_of, text_lines
from flowrun.runtime.session.loading import examine_source, load

NODES = 1000


def chain(nodes: int) -> str:
    lines = ["flow f(mail: untrusted text) {", '  a0 = ask "{{ mail }}"']
    lines += [f'  a{i} = ask "{{{{ a{i - 1} }}}}"' for i in range(1, nodes)]
    return "\n".join([*lines, f"  return a{nodes - 1}", "}\n"])


def votes(nodes: int) -> str:
    body = 'ask "{{ page }}" -> yes | no | silent'
    lines = [f"  v{i} = map page in pages at most 50 {{ b{i} = {body} }} reduce majority" for i in range(nodes // 2)]
    given = ", ".join(f"v{i}" for i in range(nodes // 2))
    return "\n".join(["flow f(pages: untrusted [text]) {", *lines, f"  return {{ {given} }}", "}\n"])


def examined(text: str) -> Examined:
    return examine_source(Source(text, "a.flow"), {})


def flows(text: str) -> tuple[FlowReach, ...]:
    return reaches_of([examined(text)]).flows


def test_a_large_flow_has_a_short_text_and_a_whole_json() -> None:
    reaches = reaches_of([examined(chain(NODES))])
    lines = list(text_lines(reaches, 100))
    assert len(lines) < 60
    assert "… and 988 more, which `--format json` lists" in "\n".join(lines)
    assert any(line.strip() == "in all ≤ 3,000 calls" for line in lines)
    told = json.loads(audit_json(Report(("a.flow",)), reaches.flows))
    (source,) = told["flows"][0]["sources"]
    assert len(source["reaches"]) == NODES + 1
    assert max(len(one["way"]) for one in source["reaches"]) <= 9
    assert source["reaches"][-1]["way"][:2] == ["mail", "…"]


def test_the_reach_takes_little_beside_the_check() -> None:
    for make in (chain, votes):
        text = make(NODES // 2)
        flows(make(8))
        gc.collect()
        times = []
        for _ in range(3):
            began = time.process_time()
            found = examined(text)
            checked = time.process_time()
            assert len(list(text_lines(reaches_of([found]), 100))) > 3
            times.append((time.process_time() - checked, checked - began))
        assert min(one for one, _ in times) < 0.6 * min(check for _, check in times)


def test_many_sources_and_deep_calls_do_not_multiply() -> None:
    reads = [f'  s{i} = untrusted file("f{i}.txt")\n  a{i} = ask "{{{{ s{i} }}}}" -> yes | no' for i in range(300)]
    text = "\n".join(["flow f() {", *reads, "  return a0", "}\n"])
    (flow,) = flows(text)
    assert [one.calls.most for one in flow.sources] == [3] * 300
    # Each flow calls the one before it twice, so the innermost ask runs 2^40 times.
    first = 'flow f0(of: text) {\n  x = ask "{{ of }}" -> yes | no with retries: 0\n  return x\n}'
    calls = 'flow f{}(of: text) {{\n  a = f{}(of)\n  b = f{}(of) when a == "yes" else "no"\n  return b\n}}'
    deep = [first, *(calls.format(i, i - 1, i - 1) for i in range(1, 41))]
    deep.append("flow f(mail: untrusted text) {\n  x = f40(mail)\n  return x\n}\n")
    (flow,) = flows("\n\n".join(deep))
    assert flow.sources[0].calls.most == 2**40


def test_a_vote_that_says_so_stands() -> None:
    checked = load(Source(votes(2), "a.flow"))
    plan = make_plan(checked)
    (step,) = plan.steps
    assert isinstance(step.node, p.Map)
    reduce = replace(step.node.reduce, args={"stands": p.Constant(9)})
    standing = replace(plan, steps=(replace(step, node=replace(step.node, reduce=reduce)),))
    (source,) = reach_of(checked, standing, labels_of(standing, catalog())).sources
    assert source.reached[0].stands == 9
    (plain,) = reach_of(checked, plan, labels_of(plan, catalog())).sources
    assert plain.reached[0].stands is None
