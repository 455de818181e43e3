"""The journal in a PostgreSQL database, which many processes and machines share.

``schema`` makes its tables, ``writer`` writes its rows, ``reading`` lets the readers of a journal's file read it, and
``store`` is the journal as a run sees it.
"""
