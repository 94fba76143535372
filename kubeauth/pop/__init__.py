"""Proof of possession: tokens that are worth nothing without a key, and that key."""
