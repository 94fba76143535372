"""Azure Resource Manager: subscriptions, and AKS clusters with their user credentials."""
