"""The environments of the programs that kubeauth starts: what they need, without our secrets."""

from __future__ import annotations

from kubeauth import _env

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Final

__all__ = ["OURS", "for_browser", "for_tool"]

# Secrets that only kubeauth itself signs in with.
OURS: Final = frozenset(
    {
        _env.AAD_SERVICE_PRINCIPAL_CLIENT_SECRET,
        _env.AAD_SERVICE_PRINCIPAL_CLIENT_CERTIFICATE_PASSWORD,
        _env.AAD_USER_PRINCIPAL_PASSWORD,
        _env.AZURE_CLIENT_SECRET,
        _env.AZURE_CLIENT_CERTIFICATE_PASSWORD,
        _env.AZURE_PASSWORD,
        _env.ARM_CLIENT_SECRET,
        _env.ARM_CLIENT_CERTIFICATE_PASSWORD,
        _env.ARM_OIDC_TOKEN,
    }
)
# Tokens for the endpoints of CI systems and Azure's services: a tool may sign in with them, too.
_OF_ENDPOINTS: Final = frozenset(
    {
        _env.ARM_OIDC_ENDPOINT[1],
        _env.GITHUB_ENDPOINT[1],
        _env.SYSTEM_ACCESSTOKEN,
        _env.IDENTITY_HEADER,
        _env.MSI_SECRET,
    }
)
# The program that started kubeauth may have set these for its own Python (AppImages do), and
# `az` is a Python program, too.
_OF_PYTHON: Final = frozenset({"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP"})


def for_tool(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a program that signs in for us."""
    return {k: v for k, v in environ.items() if k not in OURS and k not in _OF_PYTHON}


def for_browser(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a browser, without any credential."""
    tool = for_tool(environ)
    return {k: v for k, v in tool.items() if k not in _OF_ENDPOINTS}
