"""The demo's configuration: what a real site.yaml looks like, with addresses that exist on this machine alone."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from monitor.demo.devices import NAME, TIMEZONE, Devices
from monitor.demo.peers import codec, nexudus, wifi
from monitor.demo.peers.internet import ASN_ZONE, FIBRE, LTE, PAGES


def site_file(board: int, devices: Devices, secret: Mapping[str, str], authority: Path, today: date) -> str:
    """The text of site.yaml, for devices that listen.

    `board` is the port of the pages, `secret` holds a reference for each name, and `authority` is the certificate that
    those of the devices are signed with. Reviews fall due some time after `today`.
    """
    return _TEMPLATE.format(
        board=board,
        at=devices,
        secret={name: _quoted(reference) for name, reference in secret.items()},
        authority=_quoted(authority.absolute().as_posix()),
        name=NAME,
        timezone=TIMEZONE,
        fibre=FIBRE,
        lte=LTE,
        pages=[f"http://{page}:{devices.internet.port}/" for page in PAGES],
        asn_zone=ASN_ZONE,
        wifi=wifi,
        codec=codec,
        nexudus=nexudus,
        soon=today + timedelta(days=9),
        later=today + timedelta(days=150),
    )


def _quoted(text: str) -> str:
    """A scalar of YAML, whatever is in it."""
    return "'" + text.replace("'", "''") + "'"


_TEMPLATE = """\
# Harbour Street, a simulated coworking site. Written anew each time `deskwatch demo` starts.

site:
  id: harbour-street
  name: Harbour Street
  timezone: {timezone}
  opening_hours:
    mon-fri: "08:00-20:00"
    sat-sun: "09:00-18:00"
  capacity: 80

server:
  listen: 127.0.0.1:{board}
  url: http://127.0.0.1:{board}

defaults:
  interval: 10s
  timeout: 2s
  confirm: {{times: 2, gap: 1s}}
  kinds:
    internet.http: {{interval: 5s}}
    internet.dns: {{interval: 5s}}
    rooms.readiness: {{interval: 5s}}
    passive.heartbeat: {{interval: 5s}}
    wifi.snmp: {{interval: 15s}}
    equipment.printer: {{interval: 15s}}
    booking.nexudus: {{interval: 15s}}

uplinks:
  - id: fibre
    name: Fibre line
    people: 80
    provider: Meridian Fibre
    source: {fibre.source}
    gateway: {fibre.gateway}
    prefix: {fibre.prefix}
    asn: {fibre.asn}
    contract: {{down: 1 Gbit/s, up: 500 Mbit/s, latency: 0.03, availability: 0.995}}
    affects: Everybody is on the LTE line, which is slower.
    remedy: Look at the lights of the fibre box in the cellar; if they are green, call Meridian Fibre.
    checks:
      - &line
        kind: internet.uplink
        count: 3
        gap: 0.1
        targets: [{at.internet.address}, {at.internet.mirror}, {at.internet.resolver.address}]
        tcp_port: {at.internet.port}
        resolvers: [{at.internet.resolver.address}]
        dns_port: {at.internet.resolver.port}
        urls: ["{pages[0]}", "{pages[1]}"]
  - id: lte
    name: LTE backup line
    people: 80
    provider: Tideline Mobile
    role: backup
    source: {lte.source}
    gateway: {lte.gateway}
    prefix: {lte.prefix}
    asn: {lte.asn}
    contract: {{down: 150 Mbit/s, up: 30 Mbit/s, latency: 0.08, metered: true}}
    affects: Nobody yet, but there is nothing to fall back on.
    remedy: Look at the LTE router on the first floor and at its SIM; see whether the data plan has ended.
    rules: {{down: {{severity: warning}}}}
    checks:
      - *line

wifi:
  - id: wifi-members
    name: Members' Wi-Fi
    ssid: {wifi.MEMBERS}
    role: members
    people: 80
    depends_on: [ups]
    affects: Members have no Wi-Fi, or a weak one.
    remedy: Switch the access point off and on at the switch; if the network is off, switch it on in the controller.
    checks:
      - &wifi
        kind: wifi.snmp
        host: {at.wifi.address}
        port: {at.wifi.port}
        community: {secret[snmp]}
        access_points: [{wifi.ACCESS_POINTS[0]}, {wifi.ACCESS_POINTS[1]}, {wifi.ACCESS_POINTS[2]}]
  - id: wifi-operations
    name: Operations Wi-Fi
    ssid: {wifi.OPERATIONS}
    role: operations
    people: 4
    depends_on: [ups]
    affects: The printer and the tills are offline.
    remedy: Switch the network on in the controller.
    rules: {{access-point-down: off}}          # the members' Wi-Fi tells of it
    checks:
      - *wifi

doors:
  - id: doors
    name: Door system
    people: 80
    affects: Members cannot open a door.
    remedy: Let people in at the front desk, and restart the hub of the door in the server cupboard.
    checks:
      - kind: access.unifi
        host: {at.access.address}
        port: {at.access.port}
        token: {secret[access]}
        ca_file: {authority}

booking:
  - id: booking
    name: Booking system
    people: 80
    affects: Members cannot book or open rooms.
    remedy: Tell members to book at the front desk, and open a ticket with the booking provider.
    checks:
      - kind: internet.http
        name: login
        url: http://{at.booking.address}:{at.booking.port}/login
      - kind: internet.http
        name: availability
        url: http://{at.booking.address}:{at.booking.port}/api/availability
        json_matches: {{$.status: ok}}
      - kind: internet.tls
        host: {at.booking.address}
        port: {at.booking.secure_port}
        server_name: {name}
        ca_file: {authority}
      - kind: booking.nexudus
        name: platform
        url: https://{at.platform.address}:{at.platform.port}
        username: {nexudus.USER}
        password: {secret[booking]}
        timezone: {timezone}
        probe_resource: "{nexudus.RESOURCE}"
        ca_file: {authority}
        rules: {{calendars-expired: {{for: 5s}}}}

rooms:
  - id: room-harbour
    name: Harbour room
    people: 10
    affects: Meetings in the Harbour room have no picture or no camera.
    remedy: Move the meeting to the Lighthouse room, then switch the device off and on at the wall.
    checks:
      - kind: rooms.readiness
        calendar: {secret[harbour-calendar]}
        timezone: {timezone}
      - kind: rooms.pjlink
        name: projector
        host: {at.projector.address}
        port: {at.projector.port}
        password: {secret[projector]}
        lamp_hours: 4000
      - kind: rooms.cisco_roomos
        name: codec
        host: {at.codec.address}
        port: {at.codec.port}
        username: {codec.USER}
        password: {secret[codec]}
        ca_file: {authority}
        cameras: 1
        microphones: 1
  - id: room-lighthouse
    name: Lighthouse room
    people: 6
    affects: The screen or the panel in the Lighthouse room cannot be used.
    remedy: Unplug the device for ten seconds.
    checks:
      - kind: rooms.readiness
        calendar: {secret[lighthouse-calendar]}
        timezone: {timezone}
      - kind: rooms.samsung_mdc
        name: display
        host: {at.display.address}
        port: {at.display.port}
        pin: {secret[display]}
      - kind: internet.tcp
        name: panel
        host: {at.panel.address}
        port: {at.panel.port}
        steps:
          - expect: ^ROOM PANEL
          - send: 'STATUS\\r\\n'
          - expect: ^OK room=ready$

equipment:
  - id: ups
    name: UPS in the server cupboard
    people: 80
    affects: In half an hour the internet, the Wi-Fi and the doors go off.
    remedy: Look at the fuse of the server cupboard; if the street is dark, tell members to save their work.
    checks:
      - kind: equipment.ups
        host: {at.ups.address}
        port: {at.ups.port}
        community: {secret[snmp]}
        rules: {{on-battery: {{for: 5s}}}}
  - id: printer
    name: Printer
    people: 20
    depends_on: [wifi-operations]
    affects: Members cannot print.
    remedy: Open the lid and take the sheet out; toner is on the shelf in the back office.
    checks:
      - kind: equipment.printer
        host: {at.printer.address}
        port: {at.printer.port}
        community: {secret[snmp]}
        rules: {{jam: {{for: 5s}}}}

services:
  - id: internet
    name: Internet
    people: 80
    depends_on: {{any_of: [fibre, lte]}}
    affects: Members are on the slow line; another failure cuts everybody off.
    remedy: Ask Meridian Fibre when the line will be back; ask members to put off large downloads.
    checks:
      - kind: internet.egress
        echo: ["http://{at.internet.address}:{at.internet.port}/ip"]
        asn_zone: {asn_zone}
        resolver: {at.internet.resolver.address}
        dns_port: {at.internet.resolver.port}
      - kind: internet.headroom
        clients: [wifi-members/snmp]
        contract: {{down: 1 Gbit/s}}
  - id: name-server
    name: Name server
    people: 80
    affects: No page opens, though the Wi-Fi is fine.
    remedy: Restart the name server in the server cupboard.
    checks:
      - kind: internet.dns
        resolver: {at.resolver.address}
        port: {at.resolver.port}
        query_name: {name}
        query_type: A
  - id: nightly-backup
    name: Nightly backup
    people: 4
    affects: Nobody yet, but what is lost now stays lost.
    remedy: Look at the log of the backup on the file server, and start it again.
    rules: {{down: {{severity: warning}}}}
    checks:
      - kind: passive.heartbeat
        key: {secret[heartbeat]}
        period: 60
        grace: 30
  - id: restore-test
    name: Restore test of the backups
    people: 4
    affects: Nobody yet, but nobody knows whether the backups are of any use.
    remedy: Do what the page Reviews says, and sign it off there.
    rules: {{due-soon: off}}                      # a demo begins without faults; the page says it all the same
    checks:
      - kind: passive.review
        every: 3 months
        first: {soon}
        timezone: {timezone}
        what: >-
          Restore one file of the file server and one table of the member list to another place and open them.
          Evidence: which ones, from which day, and how long it took.
  - id: third-party-access
    name: Review of outside access
    people: 4
    affects: Nobody yet, but whoever left last year may still have a key.
    remedy: Do what the page Reviews says, and sign it off there.
    checks:
      - kind: passive.review
        every: 1 year
        first: {later}
        timezone: {timezone}
        what: >-
          List every supplier and former employee with an account, a key or remote access, and end what is not needed.
          Evidence: the list, and what was ended.

routes:
  - id: technician
    to: {secret[sink]}

reports:
  morning: {{before: 45m, to: [technician], deadline: 1m}}

status_page:
  title: Harbour Street
  contact: Questions? Come to the front desk.
  assets:
    - internet
    - {{id: wifi-members, name: Wi-Fi}}
    - {{id: doors, words: Please ring; the front desk lets you in.}}
    - {{id: booking, name: Booking, words: Please book at the front desk.}}
"""
