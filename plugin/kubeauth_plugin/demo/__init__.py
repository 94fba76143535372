"""``kubeauth demo``: the real kubectl and a simulated cluster."""
