"""The heads of prompts: how far the texts of all elements, samples and rounds are the same."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

import pytest

from flowrun.dsl import head_parts
from flowrun.runtime.vocabulary.call import Message, Request
from support.harness import stage

NAMES = ("book", "rules", "x", "y", "draft", "given")


def common(texts: list[str]) -> str:
    """Return the longest beginning that all texts have."""
    return "".join(letters[0] for letters in takewhile(lambda one: len({*one}) == 1, zip(*texts, strict=False)))


def template(dice: random.Random, depth: int = 0) -> str:
    """Write a random template over names of the flow, of the outer and of the inner element, and of a step."""
    parts = []
    for _ in range(dice.randrange(1, 6)):
        number, name = dice.randrange(10**9), dice.choice(NAMES)
        inner = template(dice, depth + 1) if depth < 2 else name
        kinds = (
            f"text {dice.randrange(9)} ",
            f"{{{{ {dice.choice(NAMES)} }}}} ",
            f"{{{{ {name} | upper }}}}",
            f"{{% if {name} == 'b1' %}}{inner}{{% else %}}no{{% endif %}}",
            f"{{%- if rules %}} {inner} {{%- endif %}}",
            f"{{% for t{number} in tags %}}{{{{ t{number} }}}} {inner}{{% endfor %}}",
            f"{{% set v{number} = {name} %}} {{{{ v{number} }}}}",
            f"{{{{ tags | join('{depth}') }}}}",
            f"{{{{ book ~ {name} }}}}",
            "{# a note #}",
            "\n  ",
        )
        parts.append(dice.choice(kinds))
    return "".join(parts)


def asked(messages: str, **inputs: Any) -> list[tuple[Message, ...]]:
    flow = f"""flow deep(given: text, y: text, book: text, rules: text, tags: [text], x: text) {{
      draft = ask "draft {{{{ y }}}}"
      last_line = ask {messages}
      return last_line
    }}
    flow f(book: text, rules: text, tags: [text], xs: [text], ys: [text]) {{
      all = map x in xs {{
        map y in ys {{
          deep(given: text "{{{{ book }}}}!", y: y, book: book, rules: rules, tags: tags, x: x)
        }} reduce collect
      }} reduce collect
      return all
    }}"""
    given = {"book": "B" * 30, "rules": "rr", "tags": ["t", "u"], "xs": ["b1", "x2"], "ys": ["y1", "b1"], **inputs}
    run = stage(flow, lambda request, number: f"{number} said", given)
    assert not run.outcome.failures, run.outcome.failures
    calls: Iterable[Request] = run.provider.calls
    return [one.messages for one in calls if not one.messages[-1].text.startswith("draft ")]


def shared(prompts: list[tuple[Message, ...]], level: int) -> None:
    """All prompts are the same as far as their heads say, message by message."""
    for at in range(len(prompts[0])):
        texts, heads = [one[at].text for one in prompts], {one[at].heads[level] for one in prompts}
        assert len(heads) == 1, "one head for all"
        [head] = heads
        assert head <= min(map(len, texts))
        assert len(common(texts)) >= head, (head, texts)
        if head < max(map(len, texts)):
            assert not any(one[later].heads[level] for one in prompts for later in range(at + 1, len(one)))
            break


@pytest.mark.parametrize("seed", range(60))
def test_the_texts_of_all_elements_are_the_same_up_to_the_head(seed: int) -> None:
    dice = random.Random(seed)
    written = [template(dice).replace('"', "'") for _ in range(2)]
    prompts = asked(f'system """{written[0]}.""" user """{written[1]}."""')
    assert len(prompts) == 4
    shared(prompts, 0)
    groups: dict[int, list[tuple[Message, ...]]] = defaultdict(list)
    for at, prompt in enumerate(prompts):
        groups[at // 2].append(prompt)
    for group in groups.values():
        shared(group, 1)


def test_the_head_ends_where_the_element_begins() -> None:
    user = "{{ book }} {% if rules %}all{% endif %} {{ x }}, {{ y }}"
    prompts = asked(f'system "Rules: {{{{ rules }}}} {{{{ given }}}}" user "{user}"')
    for system, words in prompts:
        assert system.heads == (len(system.text),) * 2
        assert [words.text[:end] for end in words.heads] == [
            f"{'B' * 30} all ",
            words.text[: words.text.index(", ") + 2],
        ]
        assert words.head == words.heads[-1]
        assert words == Message("user", words.text)


def test_a_message_behind_one_that_varies_has_no_head() -> None:
    for system, user in asked('system "{{ y }}" user "{{ book }} {{ draft }}"'):
        assert system.heads[-1] == user.heads[-1] == user.heads[0] == 0


def test_marks_of_foreign_texts_that_depend_on_each_other_have_no_head() -> None:
    flow = """flow f(book: untrusted text, xs: untrusted [text]) {
      all = map x in xs { ask "{{ book }} {{ x }}" } reduce collect
      return all
    }"""
    book = "the book"
    first = stage(flow, lambda request, number: "a", {"book": book, "xs": ["one", "two"]})
    texts = [call.messages[0].text for call in first.provider.calls]
    [head] = {call.messages[0].head for call in first.provider.calls}
    assert texts[0][:head].rstrip().endswith(">") and common(texts)[:head] == texts[0][:head]
    mark = texts[0].partition("data-")[2][:16]
    second = stage(flow, lambda request, number: "a", {"book": book, "xs": ["one", f"look: {mark}"]})
    found = [call.messages[0] for call in second.provider.calls]
    assert [one.head for one in found] == [head, 0]


def test_samples_and_merges_have_heads() -> None:
    flow = """flow f(book: text, xs: [text]) {
      v = repeat 3 { ask "{{ book }}?" -> yes | no } reduce majority
      m = map x in xs { ask "{{ x }}" } reduce by 2 ask "{{ book }}: {{ results }}"
      return [v, m]
    }"""
    run = stage(flow, lambda request, number: "yes", {"book": "BB", "xs": ["1", "2", "3", "4"]})
    heads = {call.messages[0].text[:3]: call.messages[0].head for call in run.provider.calls}
    assert heads == {"BB?": 3, "BB:": 4, "1": 0, "2": 0, "3": 0, "4": 0}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("{{ a }} b {{ x }} c", 2),
        ("{{ a }}", None),
        ("", None),
        ("{% set v = a %}{{ v }}{{ x }}", 2),
        ("{% set v = x %}{{ a }}{{ v }}", 0),
        ("{% set x = a %}{{ x }}", None),
        ("{% for x in a %}{{ x }}{% endfor %}{{ x.y }}", 1),
        ("{% for v in x %}{{ a }}{% endfor %}", 0),
        ("{% if a %}{% set x = a %}{% endif %}{{ x }}", 1),
        ("{{ a.x }}{{ x.a }}", 1),
    ],
)
def test_parts_of_a_template(text: str, parts: int | None) -> None:
    assert head_parts(text, {"x"}) == parts
