"""The HTTP side every service shares: the app, its problems, its client and its server."""
