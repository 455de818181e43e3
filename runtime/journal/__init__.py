"""The durable log of runs: every attempt before it is sent, every answer, and the end of every run.

``store`` writes the journal, ``reading`` reads it, and ``index`` holds its content; the other modules are their parts.
"""
