"""Orders: what a customer wants, at which price, and how the saga around it went."""
