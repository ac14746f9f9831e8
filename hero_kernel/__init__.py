"""Contexts, sessions and heroscript for notebooks."""
