"""`get-credentials` and `clusters`: AKS clusters by way of Azure Resource Manager."""
