"""The table of all diagnostic codes. Each code has a page: see ``pages``."""

from __future__ import annotations

from typing import Literal

from .records import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    title: str
    severity: Literal["error", "warning"] = "error"


CODES: dict[str, Code] = {
    # F01: the text itself
    "F0101": Code("the text is not a flow"),
    "F0102": Code("a bracket or a text is never closed"),
    "F0103": Code("a parallel block has no reducer"),
    "F0104": Code("the file is too large or nested too deep"),
    "F0105": Code("a character that is not allowed here"),
    "F0107": Code("an unknown escape in a text"),
    # F02: names and dependencies
    "F0201": Code("an unknown name"),
    "F0202": Code("a name that is taken"),
    "F0203": Code("a branch that needs another branch"),
    "F0204": Code("steps that wait for each other in a circle"),
    "F0205": Code("a name that is hidden inside a block"),
    "F0206": Code("an unknown type"),
    "F0207": Code("a name that is not a model"),
    "F0208": Code("an unknown function, flow or reducer"),
    "F0209": Code("an import that cannot be read"),
    "F0210": Code("an extern that names no function"),
    "F0211": Code("an argument of a reducer that mentions results"),
    # F03: types, arguments, templates
    "F0301": Code("a value of the wrong type"),
    "F0302": Code("an unknown field"),
    "F0303": Code("arguments that do not fit"),
    "F0304": Code("a template operation that the language does not have"),
    "F0305": Code("a template that cannot be read"),
    "F0306": Code("a value that may be missing"),
    "F0307": Code("an option that does not fit"),
    "F0308": Code("a word that is also a name"),
    "F0360": Code("two choices that are the same answer"),
    "F0363": Code("a calculation that fails in every run"),
    "F0364": Code("a reducer that needs results and gets none"),
    "F0365": Code("a budget that is never enough"),
    # F04: the shape of a flow
    "F0401": Code("a flow has a single `return`"),
    "F0402": Code("a count out of range"),
    "F0403": Code("a branch without a name"),
    "F0404": Code("an empty block"),
    "F0405": Code("a file without a flow"),
    "F0406": Code("a value without a name"),
    "F0407": Code("a budget that allows no call"),
    "F0408": Code("a call inside an expression"),
    "F0409": Code("a test without a check, or with replies that do not fit"),
    "F0410": Code("a path in a test that means no single step"),
    "F0411": Code("a number in a path that fits no element or sample"),
    "F0412": Code("answers that are too few or too many for a step"),
    "F0413": Code("a condition that needs a step which may not be done yet"),
    "F0414": Code("a scripted failure that does not fit"),
    "F0415": Code("an expectation that no run can meet"),
    "F0416": Code("a setup that a test cannot use"),
    "F0417": Code("a file that the flow does not read"),
    "F0418": Code("an extern that the flow does not call"),
    "F0419": Code("a table or a cassette that a test cannot use"),
    "F0420": Code("a setup that no test uses", "warning"),
    "F0421": Code("a word of tests that is also a name of the flow"),
    "F0422": Code("a helper value that a test cannot have"),
    # F05: labels, and what an untrusted source may write
    "F0501": Code("a label where it means nothing"),
    "F0502": Code("untrusted text in a trusted parameter"),
    "F0503": Code("untrusted text in a system part"),
    "F0504": Code("untrusted text in the name of a file"),
    "F0505": Code("untrusted text in the words of a judge"),
    # F052: votes that stand
    "F0520": Code("a vote that can never stand against so many"),
    "F0521": Code("a rule whose value cannot stand"),
    "F0522": Code("an ask about ties that is never made"),
    # F053: quotes of texts
    "F0530": Code("a quote of an unknown source"),
    "F0531": Code("a quote of a source that is no text"),
    "F0532": Code("a quote where no model answers"),
    "F0533": Code("a quote of a text that the prompt does not show"),
    "F0534": Code("a quote of a text that only other answers have read", "warning"),
    "F0535": Code("a vote that counts quotes", "warning"),
    # F06: the shapes of flows
    "F0601": Code("a match over a value without classes"),
    "F0602": Code("a branch for an unknown class"),
    "F0603": Code("two branches for one class"),
    "F0604": Code("a class without a branch"),
    "F0605": Code("an `else` that can never run"),
    "F0606": Code("a branch of a match that mentions another branch"),
    "F0610": Code("a union without a common tag"),
    "F0611": Code("two members of a union with one tag"),
    "F0612": Code("a tag that is not a single word"),
    # F07: allowed, and probably not meant
    "F0701": Code("an answer that is paid for and never used", "warning"),
    "F0702": Code("a map whose calls are all the same", "warning"),
    "F0703": Code("a fan-out of one branch", "warning"),
    "F0704": Code("a vote on free text", "warning"),
    "F0705": Code("an even number of votes", "warning"),
    "F0706": Code("a repeat of one", "warning"),
    "F0707": Code("a repeat at temperature 0", "warning"),
    "F0708": Code("many paid votes", "warning"),
    "F0709": Code("the same question asked twice", "warning"),
    "F0710": Code("a map that an answer makes as long as it likes", "warning"),
    "F0711": Code("a parameter that nothing mentions", "warning"),
    "F0712": Code("a model that no call names", "warning"),
    "F0713": Code("a condition that never changes", "warning"),
    "F0714": Code("too few tokens for the answer", "warning"),
    "F0715": Code("a block that runs one call at a time", "warning"),
    "F0716": Code("a reducer that never reads its results", "warning"),
    "F0717": Code("a confidence that decides nothing", "warning"),
    "F0718": Code("the same call for each element", "warning"),
    "F0719": Code("a comment that silences nothing", "warning"),
    "F0720": Code("a comment to the checker that cannot be followed", "warning"),
    "F0722": Code("a whole text with each of its pieces", "warning"),
    "F0723": Code("a branch that is paid for and never used", "warning"),
    "F0724": Code("an answer type beyond its provider's limits", "warning"),
    "F0725": Code("a case that no step is for", "warning"),
    "F0726": Code("a name in single braces", "warning"),
    "F0728": Code("a division that may be by zero", "warning"),
    "F0729": Code("a map that goes through nothing", "warning"),
    "F0730": Code("a map that opens more elements than its models can serve", "warning"),
    "F0731": Code("an ask that no test answers", "warning"),
    "F0740": Code("several ballots from one untrusted source", "warning"),
    "F0741": Code("a prompt that joins untrusted texts", "warning"),
    "F0750": Code("a match that never chooses", "warning"),
}
