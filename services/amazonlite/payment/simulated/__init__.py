"""A payment provider that lives in this service's database, so that its charges survive restarts."""
