"""The type of the options that every provider takes; only type checkers and editors need it."""

from __future__ import annotations

from typing import TypedDict

__all__ = ["Options"]


class Options(TypedDict, total=False):
    """The options that every provider's constructor takes besides its own arguments.

    ``environment`` names an Azure cloud, ``authority_host`` is the https URL of another authority;
    ``disable_instance_discovery`` trusts that authority without asking Microsoft about it.
    ``ca_file`` is a PEM file to trust instead of the system's certificates. ``cache_dir`` is the
    token cache's folder, ``cache_storage`` one of auto, keyring, file, memory and none. ``timeout``
    limits a sign-in without a person, in seconds; ``person_timeout`` one with a person (by default
    900), ``connect_timeout`` and ``read_timeout`` each HTTP request (by default 10 and 30).
    ``legacy`` asks for an audience with the prefix ``spn:``, ``pop_enabled`` with ``pop_claims``
    for a proof of possession.
    """

    environment: str
    authority_host: str
    disable_instance_discovery: bool
    ca_file: str
    cache_dir: str
    cache_storage: str
    timeout: float | None
    person_timeout: float | None
    connect_timeout: float | None
    read_timeout: float | None
    legacy: bool
    pop_enabled: bool
    pop_claims: str
