"""The commands that work offline: on a git range, policies and packs."""
