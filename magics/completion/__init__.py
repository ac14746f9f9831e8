"""Completion and inspection: Tab and Shift-Tab where a cell is not Python."""
