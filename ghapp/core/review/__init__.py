"""Messages -> entries of the ledger, and where the review stands."""
