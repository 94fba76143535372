"""The fixtures of a person's machine with kubectl; see desk.py."""

from desk import authority, desk, identity, prepare, pytest_generate_tests

__all__ = ["authority", "desk", "identity", "prepare", "pytest_generate_tests"]
