"""A diff -> the areas it touches, the hazards found in it, and the checklist."""
