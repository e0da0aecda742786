"""What ghapp answers over HTTP: deliveries, health, metrics, pages. Knows nothing of the work."""
