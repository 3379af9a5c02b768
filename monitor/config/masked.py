"""The loaded configuration for people's eyes: plain data in which every secret is masked."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic import BaseModel, SecretBytes, SecretStr

from monitor.config.model import Config


def shown(config: Config) -> dict[str, Any]:
    """The configuration as mappings, lists, text and numbers."""
    return {field.name: plain(getattr(config, field.name)) for field in fields(config)}


def plain(value: Any) -> Any:
    """Any part of it, the same way."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (SecretStr, SecretBytes)):
        return "**********"
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, BaseModel):
        return {name: plain(inside) for name, inside in value}
    if isinstance(value, Mapping):
        return {str(key): plain(inside) for key, inside in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(inside) for inside in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(inside) for inside in value)
    return str(value)
