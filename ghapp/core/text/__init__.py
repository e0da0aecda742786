"""A review in words: check run, comment, replies."""
