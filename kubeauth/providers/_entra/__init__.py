"""Sign in to Entra ID through MSAL: the client, its credentials and its refusals."""
