"""Panels: what is kept, as widgets that show it as it is now, and change it."""
