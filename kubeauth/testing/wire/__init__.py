"""Sockets, TLS, requests and tokens: what the simulated services are built on."""
