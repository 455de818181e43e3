"""The limits of an endpoint: the number of requests in flight, and their rate."""

from .breaker import COOLING
from .limiter import Limiter, Place
from .ramp import FAR, NEAR, Pacing
from .verdict import Verdict

__all__ = ["COOLING", "FAR", "NEAR", "Limiter", "Pacing", "Place", "Verdict"]
