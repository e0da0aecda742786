"""Deciding what a pull request should carry: pure functions over values, no I/O and no clock."""
