"""Commands on local files: a git range, policies, packs. Offline."""
