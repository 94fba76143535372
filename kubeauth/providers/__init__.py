"""The providers, one module for each login; ``kubeauth.options.logins`` has their table."""
