"""Authentication for all HTTP sessions of requests."""

from __future__ import annotations

from typing import Any

import requests
import requests.auth

from kubeauth.credential import Credential
from kubeauth.integrations._bearer import Bearer

__all__ = ["BearerAuth"]


class BearerAuth(requests.auth.AuthBase):
    """A credential as the ``auth`` of an HTTP session or a request.

    After a 401 it sends the request once more with a new token, unless the body is a stream.
    """

    def __init__(self, credential: Credential) -> None:
        self._bearer = Bearer(credential)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token to a request. Raises SignInError if the sign-in fails."""
        request.headers["Authorization"] = self._bearer.header()
        request.hooks["response"].append(self._again)
        return request

    def _again(self, response: requests.Response, **how: Any) -> requests.Response:
        """Send the request once more after a 401."""
        sent = response.request
        header = sent.headers.get("Authorization", "")
        if self._bearer.answered(header, response.status_code):
            return response
        value = self._bearer.after_rejection(header)
        # A stream that was read cannot be sent again.
        if value is None or not isinstance(sent.body, (str, bytes, type(None))):
            return response
        _ = response.content
        response.close()
        request = sent.copy()
        request.headers["Authorization"] = value
        again: requests.Response = response.connection.send(request, **how)
        self._bearer.answered(value, again.status_code)
        again.history.append(response)
        again.request = request
        return again
