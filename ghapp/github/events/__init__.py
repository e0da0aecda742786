"""What each family of events says: the keys it concerns, and who spoke."""
