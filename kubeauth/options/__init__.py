"""What can be asked of a sign-in: settings, and the flags and variables that set them."""
