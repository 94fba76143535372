"""The ways to sign in, one module each; ``kubeauth.options.logins`` has the table of them."""
