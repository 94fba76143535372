"""The ways to sign in, one module each; ``kubeauth.logins`` has the table of them."""
