"""The durable log of runs. It has every attempt before it is sent, every answer, and the end of every run.

``store`` writes the journal, ``reading`` reads it, and ``index`` holds its content. The other modules are parts of
these.
"""
