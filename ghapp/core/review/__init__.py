"""What people say -> entries of the ledger."""
