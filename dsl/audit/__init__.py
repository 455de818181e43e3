"""The audit of a plan by the rules of the language.

It turns the plan back into the tree of a flow, and the checker checks this tree.
"""
