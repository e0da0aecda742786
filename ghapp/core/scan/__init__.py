"""What a diff says about areas and hazards."""
