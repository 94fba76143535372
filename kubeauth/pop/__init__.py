"""Proof of possession: tokens that an API server accepts only with a signature by a key."""
