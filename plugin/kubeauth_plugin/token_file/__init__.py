"""`token-file`: keep a token fresh in a file, for programs that cannot run a plugin."""
