"""When the plugin may not simply obey a kubeconfig, and what it refuses then."""
