"""Runs speedtest-cli against a mini server in one direction, as a program of its own that answers in JSON.

It is started in isolation by whichever interpreter has speedtest-cli, so nothing of Deskwatch is at hand here.
"""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any

try:
    import speedtest
except ImportError:
    sys.exit(json.dumps({"missing": True}))

_DOWNLOADS = ((2000, 7_907_740), (350, 245_388))  # the side of a mini server's images, and their bytes
_UPLOADS = (2_000_000, 200_000)  # bytes
_MOST_REQUESTS = 400
_BLOCK = b"content1=" + b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" * 300


class Mini(speedtest.Speedtest):  # type: ignore[misc]
    """speedtest-cli without speedtest.net, which it asks for settings even when it is given a server."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        super().__init__(source_address=settings["source"] or None, timeout=settings["patience"])
        self.failures: dict[str, int] = {}
        self._open = self._opener.open
        self._opener.open = self._noting

    def get_config(self) -> None:
        """What speedtest.net would say."""
        allowance, length, streams = (self._settings[name] for name in ("allowance", "length", "streams"))
        side, size = next((one for one in _DOWNLOADS if one[1] * streams <= allowance), _DOWNLOADS[-1])
        upload = next((one for one in _UPLOADS if one * streams <= allowance), _UPLOADS[-1])
        downloads, uploads = (max(1, min(allowance // one, _MOST_REQUESTS)) for one in (size, upload))
        self.lat_lon = (0.0, 0.0)
        self.config.update(
            client={"ip": "", "lat": "0", "lon": "0"},
            ignore_servers=[],
            sizes={"download": [side], "upload": [upload]},
            counts={"download": downloads, "upload": uploads},
            threads={"download": streams, "upload": streams},
            length={"download": length, "upload": length},
            upload_max=uploads,
        )

    def _noting(self, *arguments: Any, **named: Any) -> Any:
        """Open an address; speedtest-cli counts the bytes of a refused upload as sent, and says nothing of it."""
        try:
            return self._open(*arguments, **named)
        except OSError as error:
            name = str(getattr(error, "code", type(error).__name__))
            self.failures[name] = self.failures.get(name, 0) + 1
            raise


class Body(speedtest.HTTPUploaderData):  # type: ignore[misc]
    """What is uploaded, made up as it is sent: speedtest-cli would keep each of its bodies in memory."""

    given = 0

    def read(self, most: int = 10240) -> bytes:
        """The next bytes of the body, none at its end."""
        if time.perf_counter() - self.start > self.timeout:
            raise speedtest.SpeedtestUploadTimeout
        portion: bytes = _BLOCK[: min(most, self.length - self.given)]
        self.given += len(portion)
        self.total.append(len(portion))
        return portion


def main(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What one direction brought: bit/s, bytes, milliseconds of latency, and failures by status or exception."""
    speedtest.HTTPUploaderData = Body
    try:
        mini = Mini(settings)
        mini.get_best_server(mini.set_mini_server(settings["url"]))
    except speedtest.SpeedtestException as error:
        return {"error": f"{type(error).__name__}: {error}"}
    if settings["direction"] == "down":
        mini.download(threads=settings["streams"])
        rate, moved = mini.results.download, mini.results.bytes_received
    else:
        mini.upload(pre_allocate=False, threads=settings["streams"])
        rate, moved = mini.results.upload, mini.results.bytes_sent
    return {"rate": rate, "bytes": moved, "latency": mini.results.ping, "failures": mini.failures}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))  # noqa: T201 - its answer
