"""Implementations of the ports of ``kubeauth.system``: HTTP, programs, browsers, the terminal."""
