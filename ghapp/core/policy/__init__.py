"""Policies: their syntax and what they put in force."""
