"""The JSON Schema of the configuration file, derived from the models and from every kind's settings."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from monitor.config.file import ASSETS, AssetFile, CheckFile, DefaultsFile, File, ModuleFile
from probes import kinds, load

Schema = dict[str, Any]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_HERE = "#/$defs/"


def schema() -> Schema:
    """The schema (2020-12) of a whole configuration, for editors and validators.

    Imports every kind. A file that it accepts may still be refused for what no schema can say, like an asset that
    depends on one that does not exist.
    """
    settings = {kind: load(kind).Params for kind in kinds()}
    definitions, names = _definitions(
        [File, AssetFile, *ASSETS.values(), CheckFile, DefaultsFile, ModuleFile, *settings.values()]
    )
    own, of_module = definitions.pop(names[CheckFile]), definitions.pop(names[ModuleFile])
    for kind, params in settings.items():
        definitions[f"check.{kind}"] = _check(kind, own, definitions[names[params]])
    for name in {names[params] for params in settings.values()}:
        del definitions[name]
    definitions["Check"] = _any_check(settings)
    assets: tuple[type[AssetFile], ...] = (AssetFile, *ASSETS.values())
    for asset in assets:
        definitions[names[asset]]["properties"]["checks"]["items"] = {"$ref": f"{_HERE}Check"}
    definitions[names[DefaultsFile]]["properties"]["kinds"]["propertyNames"] = {"enum": list(settings)}
    root = definitions.pop(names[File])
    root["properties"]["modules"]["additionalProperties"] = {
        **of_module,
        "properties": {**of_module["properties"], "kind": {"enum": list(settings)}},
        "additionalProperties": True,
    }
    return {"$schema": _DIALECT, **root, "title": "Deskwatch configuration", "$defs": definitions}


def _definitions(models: Iterable[type[BaseModel]]) -> tuple[dict[str, Schema], dict[type[BaseModel], str]]:
    """The definitions of models and of all that they mention, and the name of each model's own."""
    wanted = dict.fromkeys(models)
    refs, document = models_json_schema([(model, "validation") for model in wanted], ref_template=f"{_HERE}{{model}}")
    return document["$defs"], {model: refs[model, "validation"]["$ref"].removeprefix(_HERE) for model in wanted}


def _check(kind: str, own: Schema, params: Schema) -> Schema:
    """A check of one kind: the keys of every check beside the kind's settings, and no others."""
    word = {"const": kind, "description": params.get("description", "")}
    return {
        "type": "object",
        "title": kind,
        "properties": {**own["properties"], "kind": word, **params.get("properties", {})},
        "required": ["kind", *params.get("required", [])],
        "additionalProperties": False,
    }


def _any_check(kinds: Iterable[str]) -> Schema:
    """A check: its kind says which schema it has to fit, so that an error names the key and not all kinds."""
    names = list(kinds)
    choices = [
        {
            "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
            "then": {"$ref": f"{_HERE}check.{kind}"},
        }
        for kind in names
    ]
    return {"type": "object", "properties": {"kind": {"enum": names}}, "required": ["kind"], "allOf": choices}
