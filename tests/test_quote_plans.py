"""Quotes in plans: the bounds hold for quotes that are longer in their source, and PDFs have pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowrun.dsl import MESSAGE_TOKENS, Source, check_flow, make_plan
from flowrun.runtime.api import RunOptions, run_async
from flowrun.runtime.catalog import catalog
from flowrun.runtime.files.files import Files
from flowrun.runtime.forecast.estimate import estimate_plan
from flowrun.runtime.providers.scripted import ScriptedProvider
from flowrun.runtime.vocabulary.call import Request
from flowrun.runtime.vocabulary.tokens import estimate
from support.harness import stage

TYPES = {
    "alone": ("quote of page", '"a b"', "{{ x }}"),
    "a field": ("{ ok: yes | no, q: quote of page }", '{"ok": "yes", "q": "a b"}', "{{ x.q }}"),
    "a record": ("{ ok: yes | no, q: quote of page? }", '{"ok": "yes", "q": "a b"}', "{{ x }}"),
}


@pytest.mark.parametrize(("type_", "said", "shown"), TYPES.values(), ids=TYPES)
def test_the_bounds_count_a_quote_as_long_as_its_source(type_: str, said: str, shown: str) -> None:
    text = (
        f'flow f(page: text) {{ x = ask "{{{{ page }}}}" -> {type_} with max_tokens: 30, retries: 0 '
        f'y = ask "{shown}" -> yes | no with retries: 0 return y }}'
    )
    page = "a" + " \n" * 3000 + "b"
    bounds = estimate_plan(make_plan(check_flow(Source(text), catalog())), {"page": page}, Files(Path()), environ={})
    run = stage(text, lambda request, number: "yes" if request.choices else said, {"page": page})
    assert run.outcome.value == "yes"
    asked = sum(estimate(message.text) + MESSAGE_TOKENS for call in run.provider.calls for message in call.messages)
    assert len(run.provider.calls[1].messages[0].text) > 6000
    assert bounds.tokens_in.most is not None and asked <= bounds.tokens_in.most


def test_the_length_of_a_list_of_quotes_has_no_bound() -> None:
    text = """
    flow f(page: text) {
      x = ask "{{ page }}" -> [quote of page] with max_tokens: 30
      y = ask "{{ x }}" -> yes | no
      return y
    }
    """
    bounds = estimate_plan(make_plan(check_flow(Source(text), catalog())), {"page": "a"}, Files(Path()), environ={})
    assert bounds.tokens_in.most is None
    assert "the quotes of `x` may be long in their source" in bounds.tokens_in.why


def pdf_of(*pages: str) -> bytes:
    """Write a PDF with one line of text on each page."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for text in pages:
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET"
        number = len(objects) + 1
        kids.append(f"{number} 0 R")
        font = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {number + 1} 0 R "
            f"/Resources << /Font << /F1 {font} >> >> >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    made, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(places) + 1}\n0000000000 65535 f \n{table}"
    trailer = f"trailer\n<< /Size {len(places) + 1} /Root 1 0 R >>\nstartxref\n{len(made)}\n%%EOF\n"
    return made + (end + trailer).encode()


async def test_a_quote_of_a_pdf_has_its_page(tmp_path: Path) -> None:
    (tmp_path / "lease.pdf").write_bytes(
        pdf_of("The lease begins in May.", "The fee is due.", "The lease ends in June.")
    )
    path = tmp_path / "f.flow"
    path.write_text(
        'flow f(lease: document) { a = ask "{{ lease }}" -> { q: quote of lease } '
        "return { a, place: place_of(a.q, lease) } }"
    )
    seen: list[str] = []

    def script(request: Request, number: int) -> str:
        seen.append(request.messages[0].text)
        return json.dumps({"q": "lease  ends in June"})

    options = RunOptions(opener=lambda *_: ScriptedProvider(script), journal=None)
    result = await run_async(path, {"lease": tmp_path / "lease.pdf"}, options=options)
    assert result.value["a"]["q"] == "lease ends in June"
    start = seen[0].index("lease ends in June")
    assert result.value["place"] == {"start": start, "end": start + 18, "page": 3, "source": 0, "count": 1}
