"""The modules that nearly all endpoints need. A worker loads them while the driver prepares the run.

So its first bodies do not wait for them.
"""

import aiohttp  # noqa: F401

from ..dispatch import alike_lane  # noqa: F401
from ..providers import http  # noqa: F401
