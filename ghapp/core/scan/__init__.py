"""What a diff tells of areas and hazards."""
