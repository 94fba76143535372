"""The policy that keeps the plugin from obeying a kubeconfig without the person's approval."""
