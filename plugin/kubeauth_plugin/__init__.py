"""The kubectl exec credential plugin and its commands."""
