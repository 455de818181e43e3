"""The durable log of runs: what was about to be asked, what was answered, and how runs ended.

``store`` writes it, ``reading`` reads it, ``index`` says what it holds; the rest is what they are made of.
"""
