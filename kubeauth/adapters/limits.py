"""The limits of HTTP requests: their time, the size of answers, and the statuses to retry."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final


__all__ = [
    "CONNECT_LIMIT",
    "IMDS_LIMIT",
    "IMDS_TRANSIENT",
    "LARGEST_ANSWER",
    "LARGEST_LIST",
    "LONGEST_PAUSE",
    "MACHINE_CONNECT_LIMIT",
    "READ_LIMIT",
    "SIGN_IN_LIMIT",
    "TRANSIENT",
]

# Seconds for each connection, and for each wait for a part of an answer.
CONNECT_LIMIT: Final = 10.0
READ_LIMIT: Final = 30.0
# Seconds for a sign-in without a person, as in Azure/kubelogin. IMDS may be unavailable for 70 s
# during an update.
SIGN_IN_LIMIT: Final = 60.0
IMDS_LIMIT: Final = 90.0
# A service of this machine answers a connection at once, or is not there; seconds.
MACHINE_CONNECT_LIMIT: Final = 2.0
# If a server asks for a longer pause than this (seconds), the sign-in fails instead of waiting.
LONGEST_PAUSE: Final = 30.0
# Bytes. The answers of identity providers have a few thousand.
LARGEST_ANSWER: Final = 1 << 20
# Bytes. A page of Resource Manager's may have hundreds of clusters of some thousand bytes each.
LARGEST_LIST: Final = 1 << 26
# Too many requests, and a server in trouble.
TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
# "How to use managed identities … Error handling" in Microsoft's documentation: 404 and 410 mean
# that the service is being updated, 410 for up to 70 s.
IMDS_TRANSIENT: Final = frozenset({404, 410, 429, *range(500, 600)})
