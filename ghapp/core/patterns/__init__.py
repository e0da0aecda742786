"""Globs and regular expressions: which paths and lines match."""
