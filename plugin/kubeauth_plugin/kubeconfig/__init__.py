"""Kubeconfig files, read and edited byte by byte; nothing in here knows of sign-ins."""
