"""``convert-kubeconfig``: which users change, into what, and how that is written."""
