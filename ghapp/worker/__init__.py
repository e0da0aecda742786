"""Runs: claimed keys are reconciled, and sweeps and redeliveries find what deliveries missed."""
