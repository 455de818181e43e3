"""The audit of a plan by the rules of the language.

The plan is made into a tree again, and the checker checks that tree.
"""
