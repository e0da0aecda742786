"""One module for each family of events: the keys that an event concerns, and its messages."""
