"""The answers of the model to the prompts of the pages that tests carry out."""

from __future__ import annotations

from .told_model import Answers

ANSWERS: dict[str, Answers] = {
    "tutorial.md": {
        "for the head of support": [
            "Billing has one mail, sales one, and technical two about an app and a page that fail."
        ],
        "invoice of May": ["billing"],
        "card is refused": ["technical", "billing", "technical"],
        "hundred seats": ["sales"],
        "page is white": ["technical"],
    },
    "howto/own-model.md": {
        "would you remember": [2],
        "A slogan for": ["Silence that moves.", "Cool without a sound.", "The wind that whispers."],
    },
    "howto/documents.md": {
        "most serious": ["Anybody can take the key of the office, because it lies under the mat."],
        "100 needs the approval": ["Nobody says which manager approves a refund."],
        "about holidays": ['"In time" is no deadline.'],
        "under the mat": ["The key lies where a thief looks first."],
    },
    "howto/votes.md": {
        "Think about the sender": ["spam"],
        "You have won": ["spam"],
        "who sent it. Is this mail spam? Your parcel": ["spam", "fine"],
        "what it wants from you. Is this mail spam? Your parcel": ["fine"],
        "Your parcel": ["spam"],
    },
    "howto/budgets.md": {
        "best name": ["Café Aare"],
        "in Bern": ["Café Aare, Bärenblick, Zur Laube"],
        "in Basel": ["Rheinblick, Café Fasnacht, Zum Tor"],
        "in Thun": ["Seeblick, Café Schloss, Zur Brücke"],
    },
    "howto/resume.md": {
        "A short title": ["Leiser Nebel"],
        "A title": ["Der Nebel auf Katzenpfoten"],
        "The fog comes": ["Der Nebel kommt"],
        "little cat feet": ["auf kleinen Katzenpfoten."],
        "It sits looking": ["Er sitzt und schaut"],
    },
    "howto/tuning.md": {
        "Look at the sender, the links and what it wants: Your account": ["spam"],
        "Click here": ["fine"],
        "won a car": ["spam"],
        "Cheap watches": ["spam"],
        "spam": ["fine"],
    },
    "howto/clusters.md": {"oak": ["plant"], "wolf": ["animal"], "fern": ["plant"]},
    "howto/plugins.md": {"the sea": ["It is salt.", "It covers most of the earth.", "It is deep."]},
    "howto/from-asyncio.md": {
        "Sum up": ["One customer praises how long it lasts, the other one had it for a day."],
        "lasts for years": ["good"],
        "first day": ["bad"],
    },
    "howto/from-langgraph.md": {
        "Three headings": [["The hive", "The dance", "The honey"]],
        "good or bad": ["bad"],
        "Improve": ["Bees build, dance and store honey for the winter."],
        "The hive": ["A hive has one queen."],
        "The dance": ["A bee dances to tell the way."],
        "The honey": ["Honey feeds the hive in winter."],
    },
    "howto/from-docetl.md": {
        "Sum up these reviews in one sentence:\nToo dear": ["Customers find it too dear."],
        "Sum up these reviews in one sentence:\nNobody": ["Nobody picks up the phone."],
        "Too dear": ["price"],
        "the phone": ["service"],
        "costs more": ["price"],
    },
}
