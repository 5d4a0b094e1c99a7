"""Payments: one intent an order, charged at the provider at most once."""
