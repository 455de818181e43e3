"""The sentences about the words of the language."""

from __future__ import annotations

from .. import types as t

WORDS = {
    "flow": "A flow has parameters and steps. The last flow of a file runs, unless another is named.",
    "budget": "A hard ceiling on the calls or the dollars of a flow while it runs.",
    "calls": "The unit of a budget that counts calls.",
    "model": "A model by the name of its provider and its own, with options.",
    "endpoint": "A server of your own, by its address and the variable with its key.",
    "key": "The environment variable with the key of an endpoint.",
    "text": "A constant text with a name, or a template as a value: `text \"…\"`.",
    "prompt": "A prompt whose template stands in a file of its own.",
    "type": "A type with a name.",
    "import": "Brings the flows, types, texts and prompts of another file.",
    "as": "The prefix of the names that an import brings.",
    "extern": "A Python function that flows may call.",
    "from": "The file of a prompt, or the module of an extern.",
    "test": "A test of a flow, with its inputs, scripted answers and expectations.",
    "setup": "Lines that tests of one flow share.",
    "of": "The flow of a test, or the source of a quote.",
    "reply": "The scripted answers of a step.",
    "expect": "A condition that must hold when the flow has ended.",
    "file": "The text of a file that the flow reads.",
    "cases": "A table whose rows make one test each.",
    "cassette": "A file with recorded answers.",
    "matches": "Tells whether a value has a type.",
    "contains": "Tells whether a text, a list or a record has a part.",
    "about": "Tells whether a number is near another.",
    "within": "The greatest distance of `about`.",
    "skipped": "Tells that a step did not run.",
    "failed": "Tells that a step, or the flow, failed.",
    "asked": "Tells that a step made a call.",
    "trusted": "A label of a source that the author vouches for.",
    "untrusted": "A label of a source that may hold foreign instructions.",
    "return": "The value of the flow.",
    "with": "Options of a step, a flow or a model.",
    "check": "A condition that an answer must keep; otherwise the model is asked again and told why.",
    "after": "Steps that must end before this one begins.",
    "when": "A condition: the step is skipped if it does not hold.",
    "else": "The value of a skipped step, the rest of a match, or a substitute.",
    "ask": "One call of a model.",
    "system": "The part of a prompt that tells the model its role.",
    "user": "The part of a prompt that asks.",
    "assistant": "The part of a prompt that the model has said before.",
    "fanout": "Different branches side by side, joined by a reducer.",
    "map": "A body that runs once for each element of a list.",
    "repeat": "A body that runs several times, such as the samples of a vote.",
    "over": "The list of a panel: sample after sample takes the next item, and begins again behind the last.",
    "chain": "Steps that depend on each other, as one step; with `up to N` they run again until they are good enough.",
    "match": "The one branch for the class of a value.",
    "cascade": "Stages, the cheap ones first: a dear one runs only if its condition holds or the one before failed.",
    "up": "`chain up to N` runs its body at most N times.",
    "to": "`chain up to N` runs its body at most N times.",
    "until": "The condition that ends the rounds.",
    "where": "The condition that an element must keep.",
    "at": "`at most N` bounds the elements of a map.",
    "most": "`at most N` bounds the elements of a map.",
    "reduce": "Makes one value of the results of a block.",
    "by": "`reduce by N ask …` merges the results in a tree, N at a time.",
    "fold": "`reduce fold ask …` takes the results one by one, in their order.",
    "in": "The list of a map; in an expression it tells whether a value is in a list or a text.",
    "or": "One of two conditions holds.",
    "and": "Both conditions hold.",
    "not": "The condition does not hold.",
    "quote": "Words that the answer must copy from a text.",
}  # fmt: skip
TYPES = {
    "text": "Any text.",
    "int": "A whole number.",
    "number": "A number.",
    "bool": "`true` or `false`.",
    "json": "A value of a shape that the file does not know.",
    "document": "The text of a file; on the command line its path.",
    "image": "A picture, for parameters and fields of their rows.",
    "model": "A model, as an argument or an element of a list.",
    "quote": "Words that the answer copies from a text: `quote of NAME`.",
}
CONSTANTS = {"true": "Yes.", "false": "No.", "none": "The value of a skipped step."}
IN_TEMPLATES = {
    "if": "Writes a part only if a condition holds.",
    "elif": "A further condition of an `if`.",
    "endif": "The end of an `if`.",
    "for": "Repeats a part for each element of a list.",
    "endfor": "The end of a `for`.",
    "set": "Gives a value a name.",
    "is": "Tells whether a value is `defined` or `none`.",
    "defined": "Tells that a value is there.",
}
RESULTS = {
    "results": "The results of the block, in the order of the input.",
    "so_far": "The value of the earlier results of a fold.",
    "next": "The next result of a fold.",
    "last": "The value of the round or the stage before; `none` if there is none.",
    "answer": "The answer that the check is about.",
    "result": "The result of one run of the body; in a test, the value that the flow returns.",
    "a": "One of the two answers that are compared.",
    "b": "The other one of the two answers that are compared.",
    "loop": "The place in a loop of a template: `loop.index`, `loop.first`, `loop.last`.",
}
OF_STAGES = {
    "agreement": "The share of the winner in the vote of the stage before, from 0 to 1.",
    "margin": "The lead of the winner in the vote of the stage before, in votes.",
    "sure": "The probability of the answer of the stage before, from 0 to 1; 0 if the server tells none.",
}
KINDS = {
    "flow": "a flow",
    "extern": "a Python function",
    "type": "a type",
    "field": "a field",
    "param": "a parameter",
    "step": "a step",
    "branch": "a branch",
    "element": "an element",
    "index": "the place of an element, from 1",
    "model": "a model",
    "endpoint": "an endpoint",
    "text": "a text of the file",
    "prompt": "a prompt in a file",
    "import": "the prefix of a file",
    "setup": "a setup of tests",
    "results": "the results of a block",
    "last": "the round or the stage before",
    "answer": "the answer of the ask",
    "choice": "a word of a choice",
    "value": "a helper value",
}
LONGEST = 400
"""The most characters of a type in a hover."""


def shown(type_: t.Type | None, most: int = LONGEST) -> str:
    """Return a type as a flow writes it, cut to a length. "" if it is not known."""
    if type_ is None or type_ == t.UNKNOWN:
        return ""
    text = t.show(type_)
    return text if len(text) <= most else text[: most - 1] + "…"


def sentence(text: str) -> str:
    """Return a summary as a sentence."""
    if not text:
        return ""
    first = text[0].upper() + text[1:] if not text.startswith("`") else text
    return first if first.endswith((".", "?", "!")) else first + "."
