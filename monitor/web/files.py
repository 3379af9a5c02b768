"""Style, script and icon: read once, sent with an address that changes with their content."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PICTURE = re.compile(rb'url\("([\w.]+)"\)')
"""What a style sheet takes from a file beside it."""
_FOR_EVER = "public, max-age=31536000, immutable"


class Files:
    """The files of a folder, by name."""

    def __init__(self, folder: Path) -> None:
        self._files = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in _TYPES}
        for name in [name for name in self._files if name.endswith(".css")]:
            self._files[name] = _PICTURE.sub(self._addressed, self._files[name])

    def address(self, name: str) -> str:
        """The address that stands for this very content."""
        return f"/static/{name}?v={hashlib.sha256(self._files[name]).hexdigest()[:12]}"

    @property
    def scripts(self) -> Mapping[str, str]:
        """The addresses of all scripts, by their names without the ending."""
        return {Path(name).stem: self.address(name) for name in self._files if name.endswith(".js")}

    def _addressed(self, found: re.Match[bytes]) -> bytes:
        return f'url("{self.address(found[1].decode())}")'.encode()

    async def serve(self, request: web.Request) -> web.Response:
        """GET /static/NAME."""
        name = request.match_info["name"]
        body = self._files.get(name)
        if body is None:
            raise web.HTTPNotFound(text=f"There is no file {name!r}.")
        response = web.Response(body=body, headers={"Cache-Control": _FOR_EVER})
        response.content_type, response.charset = _TYPES[Path(name).suffix], "utf-8"
        response.enable_compression()
        return response
