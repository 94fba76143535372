"""Settings of a sign-in, the logins, and the flags and variables that set each setting."""
