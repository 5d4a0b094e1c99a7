"""Simulated shoppers who queue for a flash sale, claim, and pay, abandon, fail to pay or try twice."""
