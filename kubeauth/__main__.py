"""``python -m kubeauth`` is the command.

The one place where the library knows the plugin: a module is run by the name of its package, and
that of the library is the one that people know.
"""

from kubeauth_plugin.__main__ import main

if __name__ == "__main__":
    main()
