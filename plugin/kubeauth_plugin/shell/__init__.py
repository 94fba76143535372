"""What a shell sees of this program: by which name it is called, and what completes a word."""
