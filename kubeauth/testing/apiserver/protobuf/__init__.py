"""Protobuf: bodies of requests, and the one document that is in it."""
