"""Kubeconfigs as kubectl reads them: which files, how they merge, and how their users sign in."""
