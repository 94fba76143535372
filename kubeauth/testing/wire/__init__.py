"""Sockets, TLS, requests and tokens for all simulated services."""
