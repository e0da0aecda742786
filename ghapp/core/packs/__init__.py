"""Packs: their syntax, their texts and samples."""
