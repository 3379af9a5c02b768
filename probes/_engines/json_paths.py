"""JSONPaths as settings: where in a document the value stands that matters."""

from typing import Annotated

import jsonpath
from pydantic import AfterValidator


def _json_path(path: str) -> str:
    try:
        jsonpath.compile(path)
    except jsonpath.JSONPathError as error:
        raise ValueError(f"{path!r} is not a JSONPath: {str(error).splitlines()[0]}") from None
    return path


JsonPath = Annotated[str, AfterValidator(_json_path)]
"""A setting that holds a JSONPath."""
