"""Texts, paths and diffs against patterns: what matches where."""
