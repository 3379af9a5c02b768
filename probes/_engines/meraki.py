"""Lets us in to the cloud in which an organization's Meraki devices are managed."""

from typing import Annotated

from pydantic import Field

from probes._base import Params
from probes._engines import Engines
from probes._engines.api import Api, bearer
from probes._engines.http.exchange import Trust
from probes._engines.trust import CaFile
from probes._secrets import LineSecret

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", max_length=64)]


class OrganizationParams(Params):
    """Which organization is meant, and how the cloud lets us in."""

    api_key: Annotated[LineSecret, Field(description="API key of an administrator who may only read")]
    organization: Annotated[Id, Field(description="id of the organization, a number")]
    url: Annotated[
        str,
        Field(
            pattern=r"^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/api/v1$",
            max_length=200,
            description="address of the API; other parts of the world have their own, like https://api.meraki.ca/api/v1",
        ),
    ] = "https://api.meraki.com/api/v1"
    ca_file: CaFile = ""


def meraki_api(engines: Engines, params: OrganizationParams) -> Api:
    """The Dashboard API; paths begin below its version. Asking it raises as `Api.ask` does."""
    return Api(
        engines.http,
        params.url,
        "the Meraki cloud",
        "`api_key`, and what its administrator may read",
        private=bearer(params.api_key.get_secret_value()),
        trust=Trust(ca_file=params.ca_file),
    )
