"""What ghapp answers over HTTP: deliveries, health and metrics. Knows nothing of the work."""
