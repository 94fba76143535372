"""Base classes of several logins: for people, for other programs, for azure-identity."""
