"""The REST API, as far as ghapp uses it."""
