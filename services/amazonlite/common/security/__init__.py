"""Who is asking: tokens, keys, passwords and the scopes a route demands."""
