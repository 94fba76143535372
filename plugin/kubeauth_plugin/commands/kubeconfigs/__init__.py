"""The commands that write kubeconfigs, and those that lead to one."""
