"""What several logins share: people, programs that sign in for us, azure-identity."""
