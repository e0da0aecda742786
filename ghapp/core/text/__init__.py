"""A review as text: check run, comment, replies, issues."""
