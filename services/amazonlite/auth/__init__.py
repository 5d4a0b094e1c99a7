"""Who is who: accounts, sessions, the tokens that prove both, and the keys that prove tokens."""
