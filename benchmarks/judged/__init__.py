"""Verdicts on what the packs ask about real changes, kept as data beside the command."""
