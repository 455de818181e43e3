"""Exit codes. They are part of the interface: a script may rely on them."""

from __future__ import annotations

DONE = 0
FINDINGS = 1
"""The flow file has errors (or, with --strict, warnings)."""
USAGE = 2
"""The command line or an input is wrong: nothing was asked."""
FAILED = 3
"""The flow ran and has no answer."""
OVER_LIMIT = 4
"""`plan` found more calls, or more dollars, than were allowed."""
DISK = 74
"""The output, or a file, could not be written."""
MISTAKE = 70
"""A mistake in flowrun itself."""
INTERRUPTED = 130
