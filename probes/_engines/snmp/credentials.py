"""What an SNMP agent wants to know of us before it answers: a community, or a user with passphrases."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from probes._secrets import Secret

Version = Literal["1", "2c", "3"]
Authentication = Literal["none", "MD5", "SHA", "SHA-224", "SHA-256", "SHA-384", "SHA-512"]
Privacy = Literal["none", "DES", "AES", "AES-192", "AES-256", "AES-192-cisco", "AES-256-cisco"]

_SHORTEST_PASSPHRASE = 8  # RFC 3414 section 11.2


class Credentials(BaseModel):
    """How to present ourselves to an agent. Secrets never show."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Version = Field("2c", description="protocol version; 1 has no 64-bit counters and reads tables slowly")
    community: Secret | None = Field(None, description="the password of versions 1 and 2c, sent in clear")
    user: str = Field("", max_length=32, description="the user of version 3")
    authentication: Authentication = Field("none", description="hash that signs messages, version 3")
    authentication_passphrase: Secret | None = Field(None, description="at least 8 characters")
    privacy: Privacy = Field(
        "none", description="cipher of messages, version 3; the -cisco variants extend keys as Cisco and others do"
    )
    privacy_passphrase: Secret | None = Field(None, description="at least 8 characters")
    context: str = Field("", max_length=32, description="which of several agents behind one address, version 3")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.version == "3":
            self._check_user()
        elif self.community is None:
            raise ValueError(f"version {self.version} needs a community")
        elif self.user or self.context or self.authentication != "none" or self.privacy != "none":
            raise ValueError(f"version {self.version} knows no users; set version to 3 or give the community alone")
        return self

    def _check_user(self) -> None:
        if self.community is not None or not self.user:
            raise ValueError("version 3 needs a user and has no community")
        if self.privacy != "none" and self.authentication == "none":
            raise ValueError("privacy needs authentication; choose a hash")
        for of in ("authentication", "privacy"):
            passphrase = getattr(self, f"{of}_passphrase")
            if (passphrase is not None) != (getattr(self, of) != "none"):
                raise ValueError(f"{of} and {of}_passphrase need each other")
            if passphrase is not None and len(passphrase.get_secret_value().encode()) < _SHORTEST_PASSPHRASE:
                raise ValueError(f"{of}_passphrase is shorter than {_SHORTEST_PASSPHRASE} characters")
