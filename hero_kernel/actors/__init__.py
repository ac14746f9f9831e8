"""Who does what: handlers by action, and how text becomes their arguments."""

from hero_kernel.actors.registry import Actors, Handler, mark

__all__ = ["Actors", "Handler", "mark"]
