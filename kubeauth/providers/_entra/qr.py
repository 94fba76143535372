"""Draw an address as a QR code, for a phone to read from the terminal."""

from __future__ import annotations

import io

from kubeauth.errors import SettingsError

__all__ = ["qr_code"]


def qr_code(text: str) -> str:
    """Return a QR code (ISO/IEC 18004) as lines of block characters.

    Raises SettingsError if the optional package that draws it is not installed.
    """
    try:
        import segno
    except ImportError as error:
        raise SettingsError(
            "qr: the package segno is not installed", hint="install it: pip install 'kubeauth[qr]'"
        ) from error
    drawn = io.StringIO()
    segno.make(text, error="l").terminal(drawn, compact=True)
    return drawn.getvalue().rstrip("\n")
