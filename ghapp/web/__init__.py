"""What ghapp answers over HTTP: deliveries and health. Knows nothing of what they lead to."""
