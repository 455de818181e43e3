"""The forms of declarations and steps, with places to fill in."""

from __future__ import annotations

from ..patterns import pattern
from ..records import dataclass

_PLACE = pattern(r"\$\{\d+:([^}]*)\}|\$\{?\d+\}?")


@dataclass(frozen=True, slots=True)
class Snippet:
    """A form. ``${1:name}`` is a place to fill in with its default; ``$0`` is where the cursor ends."""

    label: str
    text: str
    documentation: str


def filled(text: str) -> str:
    """Return a form with the defaults in their places."""
    return _PLACE.sub(lambda found: found[1] or "", text)


def _of(*rows: tuple[str, str, str]) -> tuple[Snippet, ...]:
    return tuple(Snippet(*row) for row in rows)


DECLARATIONS = _of(
    (
        "flow",
        'flow ${1:main}(${2:text}: text) {\n  ${3:answer} = ask "${4:What is this text about?} {{ ${2:text} }}"\n'
        "  return ${3:answer}\n}\n$0",
        "A flow with one step.",
    ),
    ("model", 'model ${1:fast} = "${2:openai:gpt-4o-mini}"$0', "A model by the name of its provider and its own."),
    ("model default", "model default with temperature: ${1:0}$0", "The options of asks that name no model."),
    ("type", "type ${1:Finding} = {\n  ${2:clause}: text\n  ${3:score}: 1..5\n}$0", "A record with a name."),
    ("type choice", "type ${1:Label} = ${2:good} | ${3:bad}$0", "A choice between words."),
    ("text", 'text ${1:rule} = "${2:Never invent a name.}"$0', "A constant text with a name."),
    ("import", 'import "${1:lib/words.flow}" as ${2:words}$0', "The flows and types of another file."),
    ("prompt", 'prompt ${1:note}(${2:text}: text) from "${3:prompts/note.md}"$0', "A prompt in a file of its own."),
    ("extern", 'extern ${1:total}(${2:rows}: [json]) -> ${3:number} from "${4:tools:total}"$0', "A Python function."),
    ("endpoint", 'endpoint ${1:lab} = "${2:http://localhost:8000/v1}" key "${3:LAB_KEY}"$0', "A server of your own."),
    (
        "test",
        'test "${1:It answers}" of ${2:main} {\n  ${3:text} = "${4:A note}"\n  reply ${5:answer}: "${6:Fine}"\n'
        '  expect result == "${6:Fine}"\n}$0',
        "A test of a flow with scripted answers.",
    ),
    ("setup", 'setup ${1:usual} of ${2:main} {\n  ${3:text} = "${4:A note}"\n}$0', "Lines that tests share."),
)
NODES = _of(
    ("ask", 'ask "${1:What is this about?} {{ ${2:text} }}"$0', "One call of a model."),
    ("ask choice", 'ask "${1:Is this good?} {{ ${2:text} }}" -> ${3:yes} | ${4:no}$0', "One call with a choice."),
    (
        "ask check",
        'ask "${1:A title for} {{ ${2:text} }}"\n'
        '  check length(answer) <= ${3:80} else "${4:Write a shorter title.}"$0',
        "One call whose answer must keep a condition.",
    ),
    (
        "map … reduce",
        'map ${1:item} in ${2:items} {\n  ask "${3:Sum up:} {{ ${1:item} }}"\n} reduce ${4:collect}$0',
        "A body that runs once for each element of a list.",
    ),
    (
        "repeat … reduce",
        'repeat ${1:3} {\n  ask "${2:Is this spam?} {{ ${3:text} }}" -> ${4:spam} | ${5:fine}\n'
        "} reduce ${6:majority}$0",
        "A vote over several samples.",
    ),
    (
        "fanout",
        'fanout {\n  ${1:first} = ask "${2:One view of} {{ ${3:text} }}"\n'
        '  ${4:second} = ask "${5:Another view of} {{ ${3:text} }}"\n} reduce ${6:collect}$0',
        "Different branches side by side.",
    ),
    (
        "chain",
        'chain {\n  ${1:draft} = ask "${2:Write about} {{ ${3:text} }}"\n'
        '  ask "${4:Make it shorter:} {{ ${1:draft} }}"\n}$0',
        "Steps that depend on each other, as one step.",
    ),
    (
        "chain up to … until",
        'chain up to ${1:3} {\n  ${2:draft} = ask "${3:Write about} {{ ${4:text} }}'
        '{% if last %} {{ last.review }}{% endif %}"\n'
        '  ${5:review} = ask "${6:Is it good?} {{ ${2:draft} }}" -> ${7:pass} | ${8:fail}\n'
        "  { ${2:draft}, ${5:review} }\n} until ${5:review} == ${7:pass}$0",
        "Steps that run again until they are good enough.",
    ),
    (
        "match",
        'match ${1:kind} {\n  ${2:good} = "${3:Thanks.}"\n  else = "${4:We are sorry.}"\n}$0',
        "The one branch for the class of a value.",
    ),
    (
        "cascade",
        'cascade {\n  repeat ${1:3} { ask "${2:Is this spam?} {{ ${3:text} }}" -> ${4:yes} | ${5:no} } '
        'reduce majority\n  else ask "${6:Think: is this spam?} {{ ${3:text} }}" -> ${4:yes} | ${5:no} '
        "when agreement < 1\n}$0",
        "Stages, of which a dear one runs only in doubt.",
    ),
)
STEPS = _of(
    ("step", '${1:answer} = ask "${2:What is this about?} {{ ${3:text} }}"$0', "A step with a name."),
    ("return", "return ${1:answer}$0", "The value of the flow."),
)
REDUCES = _of(
    ("ask", 'ask "${1:Join these:} {{ results }}"$0', "The answer of one more call."),
    ("by", 'by ${1:8} ask "${2:Join these:} {{ results }}"$0', "The answer of a tree of calls."),
    ("fold", 'fold ask "${1:So far:} {{ so_far }} ${2:Add:} {{ next }}"$0', "The answer of a row of calls."),
)
LINES = _of(
    ("reply", 'reply ${1:answer}: "${2:Fine}"$0', "The scripted answers of a step."),
    ("expect", 'expect ${1:result} == "${2:Fine}"$0', "A condition that must hold at the end."),
    ("expect failed", "expect failed$0", "The flow must fail."),
    ("expect asked", 'expect asked ${1:answer} contains "${2:note}"$0', "The prompt of a step must contain a text."),
    ("cases", 'cases "${1:cases.jsonl}"$0', "A table whose rows make one test each."),
    ("cassette", 'cassette "${1:answers.jsonl}"$0', "A file with recorded answers."),
    ("setup", "setup ${1:usual}$0", "The lines of a setup."),
    ("extern", "extern ${1:total}: ${2:1}$0", "The scripted values of an extern."),
    ("file", 'file "${1:notes.txt}": "${2:A note}"$0', "The text of a file that the flow reads."),
)
TEMPLATES = _of(
    ("for", "for ${1:x} in ${2:items} %}{{ ${1:x} }}{% endfor", "Repeats a part for each element of a list."),
    ("if", "if ${1:value} %}{{ ${1:value} }}{% endif", "Writes a part only if a value is there."),
    ("else", "else", "The other part of an `if`."),
    ("elif", "elif ${1:value}", "A further condition of an `if`."),
    ("endif", "endif", "The end of an `if`."),
    ("endfor", "endfor", "The end of a `for`."),
    ("set", "set ${1:x} = ${2:value}", "Gives a value a name."),
)
