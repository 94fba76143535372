"""Edit kubeconfig files byte by byte; nothing in here knows of sign-ins."""
