"""GitHub as the rest of the program sees it: deliveries in, facts read, effects applied."""
