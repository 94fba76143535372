"""A stand-in for `azd` and `pwsh`: it gets a token for the person who is signed in to the tool.

The file beside it with its name and ".json" says who that is, and where Entra ID is.
"""

import base64
import json
import re
import ssl
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path


def scope(tool: str) -> str:
    """Return the scope that the caller wants."""
    if tool == "azd":
        return sys.argv[sys.argv.index("--scope") + 1]
    script = base64.b64decode(sys.argv[sys.argv.index("-EncodedCommand") + 1]).decode("utf-16-le")
    found = re.search("'ResourceUrl' = '(.*?)'", script)
    assert found is not None, script
    return f"{found[1]}/.default"


def main() -> None:
    """Print a token as the tool prints it."""
    tool = Path(sys.argv[0])
    known = json.loads(tool.with_suffix(".json").read_text())
    form = {**known["form"], "grant_type": "password", "scope": scope(tool.name)}
    context = ssl.create_default_context(cafile=known["ca_file"])
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(known["url"], body, timeout=10, context=context) as answer:
        told = json.load(answer)
    ends = int(time.time()) + told["expires_in"]
    if tool.name == "azd":
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ends))
        print(json.dumps({"token": told["access_token"], "expiresOn": text}))
    else:
        print(f"azsdk%{told['access_token']}%{ends}")


main()
