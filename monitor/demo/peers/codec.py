"""The room system of a meeting room: a Cisco codec, as its web interface shows it."""

import base64
import ssl

from aiohttp import web

from monitor.demo.peers.web import WebPeer

USER = "deskwatch"

_STATUS = """<?xml version="1.0"?>
<Status product="Cisco Codec">
  <Standby><State>Off</State></Standby>
  <SystemUnit>
    <ProductId>Cisco Room Kit</ProductId>
    <Uptime>597095</Uptime>
    <Software><Version>ce11.24.1.5</Version></Software>
    <Hardware>
      <Module><SerialNumber>FOC00000417</SerialNumber></Module>
      <Monitoring><Temperature><Status>Normal</Status></Temperature></Monitoring>
    </Hardware>
  </SystemUnit>
  <Cameras><Camera item="1"><Connected>{camera}</Connected></Camera></Cameras>
  <Audio><Input><Connectors>
    <Microphone item="1"><ConnectionStatus>Connected</ConnectionStatus></Microphone>
  </Connectors></Input></Audio>
  <Webex><Status>Registered</Status></Webex>
  <RoomAnalytics>
    <PeopleCount><Current>4</Current></PeopleCount>
    <PeoplePresence>Yes</PeoplePresence>
    <AmbientTemperature>22.5</AmbientTemperature>
  </RoomAnalytics>
</Status>
"""


class Codec(WebPeer):
    """A room system that is awake, for whoever signs in as `USER`. Mood camera: its camera is unplugged."""

    def __init__(self, address: str, password: str, tls: ssl.SSLContext) -> None:
        super().__init__(address, [web.get("/getxml", self._status)], tls)
        self._login = "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()

    def admit(self, request: web.Request) -> None:
        """Raises web.HTTPUnauthorized for a stranger."""
        if request.headers.get("Authorization") != self._login:
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="xapi"'})

    async def _status(self, _request: web.Request) -> web.Response:
        return web.Response(text=_STATUS.format(camera=self.mood != "camera"), content_type="text/xml")
