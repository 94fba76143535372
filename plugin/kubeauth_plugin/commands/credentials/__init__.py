"""The commands that make, show, keep and delete tokens and sessions."""
