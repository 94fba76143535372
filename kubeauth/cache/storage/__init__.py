"""Where the token cache stores its bytes: private files, whole or absent, and locks on them."""
