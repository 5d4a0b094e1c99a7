"""The operator that turns the shop's operational jobs into custom resources."""
