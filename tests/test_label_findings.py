"""The findings about labels: in imported files, in called flows, beside other findings, and without labels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from flowrun.dsl import Diagnostic, FlowError, Source, check_flow
from flowrun.runtime.catalog import catalog

PAY = """extern refund(order: trusted text, reason: text) -> json from "shop.api:refund"

flow pay(order: text, reason: text) {
  done = refund(order: order, reason: reason)
  return done
}
"""
OWN = """flow own(mail: untrusted text) {
  verdict = repeat 3 { ask "Fair? {{ mail }}" -> yes | no } reduce majority
  return verdict
}
"""

IMPORTING = """import "pay.flow"

flow f(mail: untrusted text) {{
  paid = pay({})
  return paid
}}
"""


def found(text: str, files: Mapping[str, str] = {}) -> tuple[Diagnostic, ...]:
    def load(path: str) -> Source | str:
        return Source(files[path], path) if path in files else "there is no such file"

    try:
        return check_flow(Source(text, "main.flow"), catalog(), load).warnings
    except FlowError as error:
        return error.diagnostics


def told(diagnostics: tuple[Diagnostic, ...]) -> list[tuple[str, str, int, str]]:
    return [(one.code, one.span.source.name, one.span.line, one.span.text) for one in diagnostics]


def test_a_breach_in_an_imported_file_is_told_at_the_call_that_leads_there() -> None:
    text = IMPORTING.format('order: mail, reason: "x"')
    (one,) = found(text, {"pay.flow": PAY})
    assert told((one,)) == [("F0502", "main.flow", 4, "paid")]
    assert one.message == "untrusted text reaches the trusted parameter `order` of `refund`: mail → refund.order"
    assert [label.text for label in one.labels] == ["`mail` is untrusted"]


def test_a_breach_behind_two_imports_is_told_at_the_call() -> None:
    middle = 'import "pay.flow"\n\nflow middle(x: text) {\n  y = pay(order: x, reason: "")\n  return y\n}\n'
    text = 'import "middle.flow" as m\n\nflow f(mail: untrusted text) {\n  paid = m.middle(mail)\n  return paid\n}\n'
    assert told(found(text, {"pay.flow": PAY, "middle.flow": middle})) == [("F0502", "main.flow", 4, "paid")]


def test_a_trusted_parameter_of_an_imported_flow() -> None:
    pay = PAY.replace("pay(order: text", "pay(order: trusted text")
    text = IMPORTING.format("order: mail, reason: mail")
    assert told(found(text, {"pay.flow": pay})) == [("F0502", "main.flow", 4, "mail")]
    assert found(text.replace("order: mail", 'order: "17"'), {"pay.flow": pay}) == ()


def test_the_findings_of_an_imported_file_belong_to_that_file() -> None:
    lines = 'flow f(mail: text) {\n  a = own(mail: mail)\n  b = own(mail: "x")\n  return { a, b }\n}\n'
    text = 'import "own.flow"\n\n' + lines
    # The warnings of an imported file are told where it is checked itself, and so are those of lints.
    assert found(text, {"own.flow": OWN}) == ()
    broken = PAY.replace("pay(order: text", "pay(order: untrusted text")
    assert told(
        found(text.replace("own", "pay").replace("mail: mail", 'order: mail, reason: ""'), {"pay.flow": broken})
    )[0] == ("F0502", "pay.flow", 4, "order")


def test_a_vote_in_an_imported_file_over_a_source_of_this_file_is_told_at_the_call() -> None:
    text = 'import "own.flow"\n\nflow f(mail: untrusted text) {\n  a = own(mail: mail)\n  return a\n}\n'
    assert told(found(text, {"own.flow": OWN})) == [("F0740", "main.flow", 4, "a")]


def test_a_source_of_one_imported_file_in_a_trusted_place_of_another() -> None:
    web = 'extern web(q: text) -> untrusted text from "a.b:web"\n\n'
    web += "flow read(q: text) {\n  page = web(q: q)\n  return page\n}\n"
    text = 'import "pay.flow"\nimport "web.flow"\n\nflow f(q: text) {\n  page = read(q: q)\n'
    text += '  paid = pay(order: page, reason: "")\n  return paid\n}\n'
    (one,) = found(text, {"pay.flow": PAY, "web.flow": web})
    assert told((one,)) == [("F0502", "main.flow", 6, "paid")]
    assert one.message.endswith("of `refund`: web → page → refund.order")
    both = PAY + web
    text = text.replace('import "web.flow"\n', "")
    assert told(found(text, {"pay.flow": both})) == [("F0502", "main.flow", 5, "paid")]


def test_a_called_flow_of_the_file_is_told_once() -> None:
    text = OWN + 'flow f(mail: untrusted text) {\n  a = own(mail: mail)\n  b = own(mail: "x")\n  return { a, b }\n}\n'
    assert told(found(text)) == [("F0740", "main.flow", 2, "majority")]


def test_each_flow_of_a_file_is_read() -> None:
    assert told(found(OWN + OWN.replace("own", "other"))) == [
        ("F0740", "main.flow", 2, "majority"),
        ("F0740", "main.flow", 6, "majority"),
    ]


def test_a_flow_that_is_called_with_retries() -> None:
    text = PAY + "flow f(mail: untrusted text, list: [text]) {\n  a = map x in list at most 9 {\n"
    text += "    pay(order: mail, reason: x)\n  } reduce collect with retries: 3\n  return a\n}\n"
    (one,) = found(text)
    assert told((one,)) == [("F0502", "main.flow", 4, "order")]


def test_warnings_can_be_silenced() -> None:
    line = "reduce majority"
    assert found(OWN.replace(line, f"{line}  # flowrun: ignore[F0740]")) == ()
    assert found("# flowrun: ignore-file[F0740]\n" + OWN) == ()
    assert told(found(OWN.replace(line, f"{line}  # flowrun: ignore[F0741]")))[0][0] == "F0740"


def test_an_ignore_without_such_a_warning_is_told() -> None:
    text = OWN.replace("reduce majority", "reduce majority  # flowrun: ignore[F0740]").replace("untrusted ", "")
    assert [code for code, *_ in told(found(text))] == ["F0719"]


@pytest.mark.parametrize(
    ("answer", "codes"),
    [
        ("", ["F0502"]),
        (" -> json", ["F0502"]),
        (" -> [text]", ["F0502"]),
        (" -> a | b", []),
        (" -> 1..9", []),
        (" -> bool", []),
    ],
)
def test_the_width_of_an_answer_decides(answer: str, codes: list[str]) -> None:
    text = (
        'extern act(word: trusted json) -> json from "a.b:act"\n\nflow f(mail: untrusted text) {\n'
        f'  x = ask "{{{{ mail }}}}"{answer}\n  y = act(word: x)\n  return y\n}}\n'
    )
    assert [one.code for one in found(text)] == codes


def test_the_ways_out_are_told() -> None:
    text = PAY.replace("pay(order: text", "pay(order: untrusted text").replace("order: order", "order: word")
    text = text.replace("  done", '  word = ask "Which? {{ order }}"\n  done')
    (one,) = found(text)
    assert one.help.startswith("give the answer of `word` a type: a choice or a range")
    (direct,) = found(PAY.replace("pay(order: text", "pay(order: untrusted text"))
    assert direct.help.startswith("pass a value that the flow decides")
    assert direct.note == "`order` can write this text freely"


def test_files_without_labels_load_nothing_of_the_analysis() -> None:
    code = (
        "import sys; from flowrun.dsl import Source, check_flow; from flowrun.runtime.catalog import catalog; "
        "check_flow(Source('flow f(x: text) {\\n  y = ask \"{{ x }}\"\\n  return y\\n}\\n'), catalog()); "
        "print([name for name in sys.modules if name.startswith('flowrun.dsl.labels')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
