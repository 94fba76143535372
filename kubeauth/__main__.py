"""Run the command as ``python -m kubeauth``.

This is the only place where the library imports the plugin: people know the library's name, and
``python -m`` runs a package by its name.
"""

from kubeauth_plugin.__main__ import main

if __name__ == "__main__":
    main()
