"""Entra ID tokens for Kubernetes API servers, from Python."""
