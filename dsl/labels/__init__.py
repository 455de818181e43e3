"""The flow of labels through a plan: everything that one element of an untrusted source can change.

The analysis reads a plan and runs nothing. ``labels.labels_of`` is its entry, and ``marks`` describes its lattice.
"""
