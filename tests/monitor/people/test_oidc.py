"""Whom the token of another provider identifies, and whom not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pydantic import SecretStr

from monitor.config.model import Oidc
from monitor.people.oidc import Ask, Person, Refused, identified
from monitor.people.roles import Role

ISSUER = "https://login.example.org"
OIDC = Oidc(
    issuer=ISSUER,
    name="",
    client_id="deskwatch",
    client_secret=SecretStr("s3cret"),
    scopes=("openid",),
    name_claim="email",
    role_claim="groups",
    roles={"staff": Role.VIEWER, "it": Role.ADMIN},
)
EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGE = ec.generate_private_key(ec.SECP256R1())
NOW = datetime.now(UTC)
CLAIMS = {
    "iss": ISSUER, "aud": "deskwatch", "sub": "4711", "iat": NOW, "exp": NOW + timedelta(days=1), "nonce": "n",
    "email": "Ana@Example.org", "email_verified": True, "groups": ["staff", "it", 7],
}  # fmt: skip


def keys(*, rsa_key: bool = True) -> jwt.PyJWKSet:
    found = [jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key(), as_dict=True) | {"kid": "ec", "use": "sig"}]
    if rsa_key:
        found.append(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), as_dict=True) | {"kid": "rsa"})
    return jwt.PyJWKSet.from_dict({"keys": found})


def token(key: Any = EC, algorithm: str = "ES256", kid: str | None = "ec", **changed: Any) -> str:
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not None}
    return jwt.encode(claims, key, algorithm, headers={"kid": kid} if kid else {})


@pytest.mark.parametrize(("key", "algorithm", "kid"), [(EC, "ES256", "ec"), (RSA, "RS256", "rsa")])
def test_a_token_that_the_provider_has_signed_identifies_a_person(key: Any, algorithm: str, kid: str) -> None:
    found = identified(OIDC, keys(), token(key, algorithm, kid), "n")
    assert found == Person(f"{ISSUER} 4711", "ana@example.org", Role.ADMIN)


def test_a_token_that_names_no_key_is_of_the_only_one() -> None:
    assert identified(OIDC, keys(rsa_key=False), token(kid=None), "n").name == "ana@example.org"
    with pytest.raises(Refused, match="a key that the provider does not know"):
        identified(OIDC, keys(), token(kid=None), "n")


@pytest.mark.parametrize("groups", [[], ["others"], "others", None, {"it": 1}, [["it"]]])
def test_who_is_in_no_group_that_is_named_may_nothing(groups: object) -> None:
    assert identified(OIDC, keys(), token(groups=groups), "n").role is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"iss": "https://evil.example"}, "not valid"),
        ({"aud": "another"}, "not valid"),
        ({"aud": ["deskwatch", "another"], "azp": "another"}, "another program"),
        ({"exp": NOW - timedelta(minutes=2)}, "not valid"),
        ({"exp": None}, "not valid"),
        ({"sub": None}, "not valid"),
        ({"nonce": "other"}, "another question"),
        ({"nonce": None}, "another question"),
        ({"email": None}, "does not say `email`"),
        ({"email_verified": False}, "has not verified"),
        ({"email_verified": None}, "has not verified"),
        ({"email_verified": "true"}, "has not verified"),
        ({"key": STRANGE}, "not valid"),
        ({"kid": "gone"}, "does not know"),
    ],
)
def test_any_other_token_identifies_nobody(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        identified(OIDC, keys(), token(**changed), "n")


def test_a_token_without_a_signature_or_signed_with_a_public_key_identifies_nobody() -> None:
    header, claims, _ = token().split(".")
    unsigned = jwt.encode(CLAIMS, None, "none", headers={"kid": "ec"})
    by_secret = jwt.encode(CLAIMS, "x" * 64, "HS256", headers={"kid": "ec"})
    for forged in (unsigned, by_secret, f"{header}.{claims}.", "nonsense", ""):
        with pytest.raises(Refused):
            identified(OIDC, keys(), forged, "n")


def test_the_challenge_is_that_of_rfc_7636_appendix_b() -> None:
    ask = Ask("", "", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "")
    assert ask.challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
