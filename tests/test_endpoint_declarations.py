"""Endpoints of flows: their words, their mistakes, their plan, and edited plans."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from flowrun.dsl import FlowError, Source, apply_fixes, check_flow, examine_flow, make_plan, render_diagnostics
from flowrun.dsl import plan as p
from flowrun.dsl.addresses import address_fault
from flowrun.runtime.catalog import catalog
from flowrun.runtime.plans.verify import verify
from flowrun.runtime.providers.plan_endpoints import flow_endpoints
from flowrun.runtime.vocabulary.errors import PlanError

MODEL = '\nmodel m = "lab:x"\nflow f() { a = ask m "hi" return a }\n'


def shown(text: str) -> str:
    with pytest.raises(FlowError) as caught:
        check_flow(Source(text, "a.flow"), catalog())
    return render_diagnostics(caught.value.diagnostics)


def planned(text: str, files: dict[str, str] | None = None) -> p.Plan:
    def load(path: str) -> Source | str:
        return Source((files or {})[path], path)

    return make_plan(check_flow(Source(text, "a.flow"), catalog(), load))


@pytest.mark.parametrize(
    ("written", "mistake"),
    [
        ('endpoint lab "http://a/v1"', "a `=` must follow the name of an endpoint"),
        ('endpoint lab: "http://a/v1"', "a `=` must follow the name of an endpoint"),
        ('endpoint lab at "http://a/v1"', "several addresses of an endpoint stand in brackets"),
        ("endpoint lab = http://gpu/v1", "the address of an endpoint is a text in quotes"),
        ('endpoint lab = ["http://a/v1", "http://b/v1"]', "several addresses need the word `at`"),
        ("endpoint lab at []", "an endpoint needs an address"),
        ('endpoint lab at ["http://a/v1", b]', "the address of an endpoint is a text in quotes"),
        ('endpoint "lab" = "http://a/v1"', "an endpoint needs a name and an address"),
        ('endpoint my-lab = "http://a/v1"', "an endpoint needs a name and an address"),
        ('endpoint lab { base_url: "http://a/v1" }', "an endpoint needs a name and an address"),
        ("endpoint lab", "an endpoint needs a name and an address"),
        ('endpoint lab = "http://a/v1" key LAB_KEY', "the key of an endpoint has another form"),
        ('endpoint lab = "http://a/v1" key = "LAB_KEY"', "the key of an endpoint has another form"),
        ('endpoint lab = "http://a/v1" with kind: openai key "LAB_KEY"', "the key of an endpoint has another form"),
        ('endpoint lab = "http://a/v1" key: "LAB_KEY"', "`key` is not allowed here"),
        ('endpoint lab = "http://a/v1" api_key "LAB_KEY"', "`api_key` is not allowed here"),
        ('endpoint lab = "http://a/v1", key "LAB_KEY"', "the parts of an endpoint have no commas between them"),
        ('endpoint lab = "http://a/v1" else "http://b/v1"', "an endpoint has no `else`"),
        ('endpoint lab = "http://a/v1" kind: openai', "options must follow `with`"),
        ('provider lab = "http://a/v1"', "`provider` is not allowed here"),
    ],
)
def test_a_declaration_in_another_form_gets_its_own_advice(written: str, mistake: str) -> None:
    found = shown(written + MODEL)
    assert f"error[F0101]: {mistake}" in found
    assert "= help: " in found


SECRET = "sk-live-0123456789abcdefghij"


@pytest.mark.parametrize(
    "written",
    [
        f'endpoint lab = "http://a/v1" key "{SECRET}"',
        f'endpoint lab = "http://me:{SECRET}@a/v1"',
        f'endpoint lab = "http://a/v1?key={SECRET}"',
        f'endpoint lab = "gpu/v1?key={SECRET}"',
        f'endpoint lab = "http://a/v1" key = "{SECRET}"',
        f'endpoint lab = "http://a/v1" key "{SECRET}" with kind: no, lacks: 1',
        f'endpoint openai at ["http://me:{SECRET}@a/v1", "http://me:{SECRET}@a/v1"] key "{SECRET}"',
    ],
)
def test_no_message_shows_a_key(written: str) -> None:
    found = shown(written + MODEL)
    assert "error[F0" in found
    assert SECRET not in found
    assert "live" not in found
    assert "•" in found


def test_the_carets_stand_under_what_is_hidden() -> None:
    text = f'endpoint lab = "http://a/v1" key "{SECRET}"'
    lines = shown(text + MODEL).splitlines()
    assert lines[3] == "1 | " + text.replace(SECRET, "•" * len(SECRET))
    assert lines[4] == "  | " + " " * text.index('"sk') + "^" * (len(SECRET) + 2)


GOOD = ("http://a", "https://a.b:1/v1/", "http://[::1]:80/v1", "HTTP://A_b/", "http://127.0.0.1:8000/v1", "http://ä.de")
BAD = (
    "", "a", "http://", "http:///v1", "ftp://a", "http://a b", "http://a:0", "http://a:65536", "http://a:", "http://-a",
    "http://[::1", "http://[a]", "http://[::1]x", "http://a\\b", "http://u@a", "http://a#b", "http://a/v1?",
    "http://a/v1/messages", "http://a/v1/models/x", "http://a/v1beta/m:generateContent", "http://a..b", "//a/v1",
)  # fmt: skip


def test_an_address_is_a_base_url() -> None:
    assert [one for one in GOOD if address_fault(one) is not None] == []
    assert [one for one in BAD if address_fault(one) is None] == []


def test_a_misspelt_endpoint_is_guessed() -> None:
    found = shown('endpoint lab = "http://a/v1"\nmodel m = "lap:x"\nmodel n = "lab:x"\nflow f() { return 1 }\n')
    assert "no provider or endpoint is called `lap`" in found
    assert "did you mean `lab`?" in found


def test_an_endpoint_is_planned_and_left_out_without_one() -> None:
    options = 'key "K" with kind: gemini, lacks: [seed, n]'
    plan = planned(f'endpoint lab at ["http://a/v1/", "http://b/v1"] {options}{MODEL}')
    addresses = ("http://a/v1", "http://b/v1")
    assert plan.endpoints == (p.Endpoint("lab", addresses, "K", "gemini", ("n", "seed")),)
    assert p.from_json(p.to_json(plan)) == plan
    verify(plan)
    plain = planned('endpoint lab = "http://a/v1"' + MODEL)
    assert p.as_data(plain)["endpoints"] == [{"name": "lab", "addresses": ["http://a/v1"]}]
    assert "endpoints" not in p.as_data(planned('flow f() { a = ask "hi" return a }'))


LIB = 'model own = "{}:x"\nflow g() {{ a = ask own "hi" return a }}\n'


@pytest.mark.parametrize(
    ("theirs", "address", "names"),
    [
        ('endpoint lab = "http://a/v1"\n' + LIB.format("lab"), "lab:x", ["lab"]),
        ('endpoint lab = "http://b/v1"\n' + LIB.format("lab"), "lab2:x", ["lab", "lab2"]),
        ('endpoint other = "http://a/v1"\n' + LIB.format("other"), "other:x", ["lab", "other"]),
    ],
)
def test_an_endpoint_belongs_to_its_file(theirs: str, address: str, names: list[str]) -> None:
    own = 'import "lib.flow" as lib\nendpoint lab = "http://a/v1"\nmodel m = "lab:x" else "lab:y"\n'
    plan = planned(own + 'flow f() { a = ask m "hi" b = lib.g() return [a, b] }\n', {"lib.flow": theirs})
    verify(plan)
    assert {one.name: one.address for one in plan.models} == {"m": "lab:x", "lib.flow:own": address}
    assert [one.name for one in plan.endpoints] == names
    assert plan.models[0].fallback == "lab:y"


def test_the_endpoints_of_an_import_are_no_names_here() -> None:
    own = 'import "lib.flow" as lib\nmodel m = "lab:x"\nflow f() { a = ask m "hi" b = lib.g() return [a, b] }\n'
    with pytest.raises(FlowError, match="no provider is called `lab`"):
        planned(own, {"lib.flow": 'endpoint lab = "http://a/v1"\n' + LIB.format("lab")})


EDITS: list[tuple[dict[str, Any], str]] = [
    ({"addresses": ("http://me:pass1@a/v1",)}, "a user name or a password"),
    ({"addresses": ("file:///etc/passwd",)}, "neither http:// nor https://"),
    ({"addresses": ()}, "a name and an address"),
    ({"key": SECRET}, "never the key itself"),
    ({"name": "a b"}, "a name and an address"),
    ({"lacks": ("sead",)}, "`sead` is not a thing"),
    ({"kind": "other"}, "a value of the wrong kind"),
    ({"addresses": ("http://a/v1", "http://a/v1")}, "this address already"),
]


@pytest.mark.parametrize(("edit", "why"), EDITS)
def test_an_edited_plan_is_checked_again(edit: dict[str, Any], why: str) -> None:
    plan = planned('endpoint lab = "http://a/v1" key "LAB_KEY"' + MODEL)
    changed = replace(plan, endpoints=(replace(plan.endpoints[0], **edit),))
    with pytest.raises(PlanError, match=why) as caught:
        verify(changed)
    assert SECRET not in str(caught.value)
    assert "pass1" not in str(caught.value)


def test_an_edited_plan_takes_no_name_of_a_provider() -> None:
    plan = planned('endpoint lab = "http://a/v1" key "LAB_KEY"' + MODEL)
    for name, why in (("openai", "the name of a provider"), ("lab", "two endpoints")):
        added = (*plan.endpoints, replace(plan.endpoints[0], name=name, addresses=("http://b/v1",)))
        with pytest.raises(PlanError, match=why):
            flow_endpoints(replace(plan, endpoints=added))


def test_the_plan_of_an_endpoint_reads_as_json() -> None:
    plan = planned('endpoint lab = "http://a/v1"' + MODEL)
    data = json.loads(p.to_json(plan))
    data["endpoints"][0]["addresses"] = "http://a/v1"
    with pytest.raises(ValueError, match=r"endpoints"):
        p.from_json(json.dumps(data))


def test_the_fixes_of_an_endpoint_correct_it() -> None:
    text = 'endpoint lab = "http://a/v1/chat/completions" key "$LAB_KEY"' + MODEL
    found = examine_flow(Source(text, "a.flow"), catalog()).findings
    assert len(found) == 2
    fixed = apply_fixes(Source(text, "a.flow"), lambda source: examine_flow(source, catalog()).findings)
    assert fixed.source.text == 'endpoint lab = "http://a/v1" key "LAB_KEY"' + MODEL
    assert fixed.left == ()
