"""How many requests one endpoint has in flight, and how fast they follow each other."""

from .limiter import Limiter, Place
from .width import Verdict

__all__ = ["Limiter", "Place", "Verdict"]
