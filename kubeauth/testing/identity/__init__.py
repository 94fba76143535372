"""The simulated instance metadata service, and the identities of the machine."""
