"""How much of a server's certificate has to be right, as settings that many kinds have."""

from typing import Annotated

from pydantic import Field

TlsVerify = Annotated[
    bool,
    Field(
        description="whether the certificate must be valid and for this host; many devices come with one that is not: "
        "better name it as ca_file"
    ),
]
CaFile = Annotated[
    str,
    Field(
        max_length=1000,
        description="PEM file of trusted issuers, or of the server's own certificate; the system's list if not set",
    ),
]
