"""An Axis door controller, as far as the reference of VAPIX describes what it answers to a reader."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from peers.canaries import canary
from peers.json_api import Asked
from peers.web_api import Reply, WebApi

PASSWORD = canary("axis-password")

Function = Callable[[Any], Any]


@dataclass
class Controller:
    """Its doors by token, with names and states, and what it says to each function that reads."""

    names: dict[str, str] = field(default_factory=lambda: {"Axis-1": "Front door", "Axis-2": "Yard"})
    states: dict[str, dict[str, str]] = field(default_factory=lambda: {"Axis-1": state(), "Axis-2": state()})
    called: list[str] = field(default_factory=list)

    def api(self) -> WebApi:
        """The controller's web server, which lets in who knows the password by Digest authentication."""
        return WebApi(
            {"POST /vapix/doorcontrol": self._doors, "POST /vapix/pacs": self._people},
            door=_let_in,
        )

    def _doors(self, asked: Asked) -> Any:
        function, arguments = self._function(asked)
        if function == "tdc:GetDoorInfoList":
            return {"DoorInfo": [{"token": token, "Name": name} for token, name in self.names.items()]}
        if function == "tdc:GetDoorState" and arguments["Token"] in self.states:
            return {"DoorState": self.states[arguments["Token"]]}
        return Reply({"Fault": {"faultcode": "env:Sender"}}, 400)

    def _people(self, asked: Asked) -> Any:
        function, _ = self._function(asked)
        if function == "pacsaxis:GetAccessControllerList":
            return {"AccessController": [{"token": "Axis-c", "Name": "Panel ground floor", "AccessPoint": []}]}
        if function == "pacsaxis:GetCredentialList":
            pin = {"Name": "PIN", "Value": canary("axis-pin")}
            return {"Credential": [{"token": "1", "UserToken": "u", "IdData": [pin]}, {"token": "2"}]}
        return Reply({"Fault": {"faultcode": "env:Sender"}}, 400)

    def _function(self, asked: Asked) -> tuple[str, Any]:
        ((function, arguments),) = asked.document.items()
        assert function.partition(":")[2].startswith("Get"), "it must only be asked"
        self.called.append(function)
        return function, arguments


def state(mode: str = "Locked", position: str = "Closed", alarm: str = "Normal") -> dict[str, str]:
    """The state of a door."""
    return {"DoorPhysicalState": position, "Alarm": alarm, "DoorMode": mode}


_CHALLENGE = 'Digest realm="AXIS_ACCC8E000000", nonce="00f1a2", algorithm=MD5, qop="auth"'


def _let_in(asked: Asked) -> Reply | None:
    given = asked.headers.get("authorization", "")
    said = dict(re.findall(r'(\w+)="?([^",]+)"?', given.removeprefix("Digest ")))
    if given.startswith("Digest ") and said.get("response") == _response(asked, said):
        return None
    return Reply(b"<html>401</html>", 401, (("WWW-Authenticate", _CHALLENGE),))


def _response(asked: Asked, said: dict[str, str]) -> str:
    """What proves that one knows the password (RFC 7616, section 3.4.1)."""
    known = _md5(f"root:AXIS_ACCC8E000000:{PASSWORD}")
    what = _md5(f"{asked.method}:{asked.path}")
    return _md5(f"{known}:00f1a2:{said.get('nc')}:{said.get('cnonce')}:auth:{what}")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
