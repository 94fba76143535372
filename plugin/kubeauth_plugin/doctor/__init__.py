"""``kubeauth doctor``: look at everything between kubectl and the cluster, and name what is wrong.

Each module looks at one subject. A check changes nothing, asks nobody, and returns findings.
"""
