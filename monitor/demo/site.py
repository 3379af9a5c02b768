"""The demo's configuration: what a real site.yaml looks like, with addresses that exist on this machine alone."""

from pathlib import Path
from typing import NamedTuple

from monitor.demo.peers import ACCESS_POINTS, BOOKING, DOORS, NAME, RESOLVER, ROOM, ROOM_PANEL, ROUTER


class Ports(NamedTuple):
    """Where the board is served, and the ports that were free for the peers when the demo began."""

    board: int
    booking: int
    booking_tls: int
    resolver: int
    doors: int
    room_panel: int


def site_file(ports: Ports, authority: Path, sink: Path) -> str:
    """The text of site.yaml.

    `authority` is the certificate that the booking system's is signed with, `sink` a file with the URL for messages.
    """
    return _TEMPLATE.format(
        router=ROUTER,
        resolver=RESOLVER,
        points=ACCESS_POINTS,
        doors=DOORS,
        booking=BOOKING,
        name=NAME,
        room=ROOM,
        room_panel=ROOM_PANEL,
        sink=sink.absolute().as_posix(),
        authority=authority.absolute().as_posix().replace("'", "''"),
        ports=ports,
    )


_TEMPLATE = """\
# Harbour Street, a simulated coworking site. Written anew each time `deskwatch demo` starts.

site:
  id: harbour-street
  name: Harbour Street
  timezone: Europe/Lisbon
  opening_hours:
    mon-fri: "08:00-20:00"
    sat-sun: "09:00-18:00"
  capacity: 80

server:
  listen: 127.0.0.1:{ports.board}
  url: http://127.0.0.1:{ports.board}

defaults:
  interval: 5s
  timeout: 2s
  confirm: {{times: 2, gap: 1s}}

uplinks:
  - id: line
    name: Internet line
    people: 80
    affects: Members cannot reach the internet.
    remedy: Restart the router in the ground-floor cabinet; if that does not help, call the provider.
    checks:
      - kind: internet.ping
        name: router
        host: {router}
        count: 3
      - kind: internet.dns
        resolver: {resolver}
        port: {ports.resolver}
        query_name: {name}
        query_type: A

wifi:
  - id: wifi-ground-floor
    name: Wi-Fi, access point ground floor
    people: 50
    depends_on: [line]
    affects: Members on the ground floor lose the Wi-Fi.
    remedy: Switch the access point's port on the ground-floor switch off and on.
    checks:
      - kind: internet.ping
        host: {points[0]}
        count: 3
  - id: wifi-first-floor
    name: Wi-Fi, access point first floor
    people: 30
    depends_on: [line]
    affects: Members on the first floor lose the Wi-Fi.
    remedy: Switch the access point's port on the first-floor switch off and on.
    checks:
      - kind: internet.ping
        host: {points[1]}
        count: 3

doors:
  - id: doors
    name: Door panel
    people: 80
    affects: Members cannot open the doors.
    remedy: Let people in at the front desk, and restart the panel in the server cupboard.
    checks:
      - kind: internet.tcp
        name: panel
        host: {doors}
        port: {ports.doors}
        steps:
          - expect: ^HARBOUR ACCESS
          - send: 'STATUS\\r\\n'
          - expect: ^OK doors=4 online=4$

booking:
  - id: booking
    name: Booking system
    people: 80
    affects: Members cannot book or open rooms.
    remedy: Tell members to book at the front desk, and open a ticket with the booking provider.
    checks:
      - kind: internet.http
        name: login
        url: http://{booking}:{ports.booking}/login
      - kind: internet.http
        name: availability
        url: http://{booking}:{ports.booking}/api/availability
        json_matches: {{$.status: ok}}
      - kind: internet.tls
        host: {booking}
        port: {ports.booking_tls}
        server_name: {name}
        ca_file: '{authority}'

rooms:
  - id: room-harbour
    name: Harbour room
    people: 10
    affects: The screen in the Harbour room cannot be used.
    remedy: Switch the display off and on at the wall.
    checks:
      - kind: internet.ping
        name: display
        host: {room}
        count: 3
  - id: room-lighthouse
    name: Lighthouse room
    people: 6
    affects: The panel in the Lighthouse room does not respond.
    remedy: Unplug the panel for ten seconds.
    checks:
      - kind: internet.tcp
        name: panel
        host: {room_panel}
        port: {ports.room_panel}
        steps:
          - expect: ^ROOM PANEL
          - send: 'STATUS\\r\\n'
          - expect: ^OK room=ready$

routes:
  - id: technician
    to: ${{file:{sink}}}
"""
