"""The token cache: tokens and sessions for later processes, in private files."""
