"""The certificate authorities that SSL_CERT_FILE and SSL_CERT_DIR name, checked at start.

OpenSSL reads the variables itself, for every outgoing connection over TLS.
"""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path


def authority_problems(environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each variable without usable authorities, and the reason, without the value."""
    if file := environment.get("SSL_CERT_FILE"):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=file)
        except (OSError, ValueError):  # ssl.SSLError is an OSError
            yield "SSL_CERT_FILE", "names no readable file of certificates"
    if (folder := environment.get("SSL_CERT_DIR")) and not any(map(Path.is_dir, _folders(folder))):
        yield "SSL_CERT_DIR", "names no folder"


def _folders(value: str) -> Iterator[Path]:
    return (Path(part) for part in value.split(":"))
