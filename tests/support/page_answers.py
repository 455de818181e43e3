"""The answers of the model to the prompts of the pages that tests carry out."""

from __future__ import annotations

from .told_model import Answers

ANSWERS: dict[str, Answers] = {
    "tutorial.md": {
        "for the head of support": ["Billing has one mail, sales one, and technical two about an app and a page that fail."],
        "invoice of May": ["billing"],
        "card is refused": ["technical", "billing", "technical"],
        "hundred seats": ["sales"],
        "page is white": ["technical"],
    },
}
