"""How many requests one endpoint has in flight, and how fast they follow each other."""

from .breaker import COOLING
from .limiter import Limiter, Place
from .verdict import Verdict

__all__ = ["COOLING", "Limiter", "Place", "Verdict"]
