"""Somebody to talk to for every kind that is given secrets, who knows these secrets and has some of their own."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta

from peers import (
    axis,
    bravia,
    brivo,
    clickshare,
    cobot,
    crestron,
    doorkeepers,
    extron,
    freeradius,
    kisi,
    meraki,
    mikrotik,
    nexudus,
    officernd,
    omada,
    opnsense,
    optix,
    poly,
    projector,
    roomos,
    salto_ks,
    samsung,
    stripe,
    unifi,
    unifi_access,
    unifi_wifi,
    zoom,
)
from peers.canaries import canary
from peers.json_api import Asked
from peers.snmpd import snmpd
from peers.stage import Secret, Settings, Stage
from peers.web_api import Reply, WebApi

Come = Callable[[Stage], Awaitable[Settings]]
"""Puts a peer on stage; gives what a check of it is set to."""


async def _axis(stage: Stage) -> Settings:
    port = await stage.serve(axis.Controller().api().talk)
    return {"host": "127.0.0.1", "port": port, "tls": False, "username": "root", "password": Secret(axis.PASSWORD)}


async def _brivo(stage: Stage) -> Settings:
    base = await stage.web(brivo.account())
    return {
        "url": f"{base}/v1/api",
        "sign_in_url": f"{base}/oauth/token",
        "client_id": "client",
        "username": "desk",
        "api_key": Secret(brivo.API_KEY),
        "client_secret": Secret(brivo.SECRET),
        "password": Secret(brivo.PASSWORD),
    }


async def _panel(stage: Stage) -> Settings:
    told = await stage.agent({"1.3.6.1.2.1.1.5.0": b"panel", "1.3.6.1.2.1.1.3.0": 4711})
    snmp = {"version": "2c", "community": told.pop("community")}
    return {**told, "by": "snmp", "snmp": snmp}


async def _credentials(stage: Stage) -> Settings:
    members = await _nexudus(stage)
    asked = {name: members[name] for name in ("url", "username", "password")}
    system = kisi.account()
    system.answers[kisi.USERS] = kisi.pages({"id": 1, "email": "a@example.com", "otp_secret": canary("otp")})
    locks = {"source": "kisi", "url": await stage.web(system), "key": Secret(kisi.KEY)}
    return {"locks": locks, "members": {"source": "nexudus", "entitled_by": "active", **asked}, "down_on": []}


async def _kisi(stage: Stage) -> Settings:
    return {"url": await stage.web(kisi.account()), "key": Secret(kisi.KEY)}


async def _salto(stage: Stage) -> Settings:
    base = await stage.web(salto_ks.site())
    return {
        "site": salto_ks.SITE,
        "url": f"{base}/v1.2",
        "sign_in_url": f"{base}/connect/token",
        "client_id": "client",
        "username": "desk@example.com",
        "client_secret": Secret(salto_ks.SECRET),
        "password": Secret(salto_ks.PASSWORD),
    }


async def _unifi_access(stage: Stage) -> Settings:
    return {**await stage.appliance(unifi_access.console()), "token": Secret(unifi_access.TOKEN)}


async def _calendar(stage: Stage) -> Settings:
    now = datetime.now(UTC)
    path = f"/private-{canary('feed')}/basic.ics"
    stamps = "".join(f"{name}:{now + timedelta(days=1):%Y%m%dT%H%M%SZ}\r\n" for name in ("DTSTAMP", "DTSTART"))
    event = f"BEGIN:VEVENT\r\nUID:1\r\n{stamps}SUMMARY:{canary('meeting')}\r\nEND:VEVENT\r\n"
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test\r\n{event}END:VCALENDAR\r\n"
    base = await stage.web(WebApi({f"GET {path}": Reply(text.encode(), headers=(("Content-Type", "text/calendar"),))}))
    secrets = {"url": Secret(base + path), "password": Secret(canary("calendar-password"))}
    return {**secrets, "username": "deskwatch", "timezone": "Europe/Lisbon", "ahead": 0}


async def _cobot(stage: Stage) -> Settings:
    base = await stage.web(cobot.Cobot(free={"r2": []}).api())
    return {"url": base, "space": cobot.SPACE, "token": Secret(cobot.TOKEN), "timezone": "Europe/Lisbon", "room": "r2"}


async def _nexudus(stage: Stage) -> Settings:
    signed = {"username": "deskwatch@example.com", "password": Secret(nexudus.PASSWORD)}
    records = {"spaces/coworkers": [{"Active": "True"}]}
    base = await stage.web(nexudus.Nexudus(records, resources=(12,)).api())
    return {"url": base, **signed, "timezone": "Europe/Lisbon", "room": "12"}


async def _officernd(stage: Stage) -> Settings:
    base = await stage.web(officernd.Officernd({"active": 87}, resources=("aa02",)).api())
    signed = {"organization": "example", "client_id": "app", "client_secret": Secret(officernd.SECRET)}
    return {"url": base, "identity_url": base, **signed, "timezone": "Europe/Lisbon", "room": "aa02"}


async def _optix(stage: Stage) -> Settings:
    base = await stage.web(optix.Optix(("1002",)).api())
    whose = {"token": Secret(optix.TOKEN), "owner": optix.OWNER}
    return {"url": f"{base}", **whose, "timezone": "Europe/Lisbon", "room": "1002"}


async def _stripe(stage: Stage) -> Settings:
    hook = {"id": "we_1", "url": f"https://members.example.com/{canary('hook')}", "status": "enabled"}
    return {"url": await stage.web(stripe.Stripe(webhooks=[hook]).api()), "key": Secret(stripe.KEY)}


async def _invoices(stage: Stage) -> Settings:
    base = await stage.web(nexudus.Nexudus({"billing/coworkerinvoices": []}).api())
    signed = {"username": "deskwatch@example.com", "password": Secret(nexudus.PASSWORD)}
    return {"platform": "nexudus", "url": base, **signed}


async def _portal(stage: Stage) -> Settings:
    address = f"{await stage.web(WebApi({'GET /login': Reply(canary('page').encode())}))}/login"
    by_password = {"username": "desk", "password": Secret(canary("portal-password"))}
    ways = ({"bearer": Secret(canary("portal-bearer"))}, by_password)
    steps: list[Settings] = [
        {"name": f"step{number}", "url": address, "secret_headers": {"X-Key": Secret(canary("portal-key"))}, **way}
        for number, way in enumerate(ways)
    ]
    return {"timezone": "Europe/Lisbon", "steps": steps}


async def _switch(stage: Stage) -> Settings:
    """By version 3, with both passphrases."""
    folder = stage.folder / "snmpd"
    folder.mkdir()
    signing, hiding = canary("authentication"), canary("privacy")
    user = f"createUser desk SHA {signing} AES {hiding}\nrouser desk priv\n"
    return {
        "host": "127.0.0.1",
        "port": stage.stack.enter_context(snmpd(folder, user)),
        "version": "3",
        "user": "desk",
        "authentication": "SHA",
        "authentication_passphrase": Secret(signing),
        "privacy": "AES",
        "privacy_passphrase": Secret(hiding),
        "watch": ["^lo$"],
    }


async def _nut(stage: Stage) -> Settings:
    port = await stage.serve(doorkeepers.nut(canary("nut")))
    return {"host": "127.0.0.1", "port": port, "ups": "desk", "username": "desk", "password": Secret(canary("nut"))}


def _agent(rows: Mapping[str, object], under: str = "1.3.6.1.4.1.") -> Come:
    """An SNMP agent with these instances."""

    async def come(stage: Stage) -> Settings:
        return await stage.agent({under + oid: value for oid, value in rows.items()})

    return come


_FORTIGATE = {f"12356.101.4.9.2.1.{column}.1": cell for column, cell in {14: b"wan1", 4: 0, 5: b"2", 9: b"0"}.items()}
_PEPLINK = {f"23695.2.1.2.1.{column}.0": cell for column, cell in {2: b"WAN 1", 3: 3, 5: -9999}.items()}


async def _wifi_snmp(stage: Stage) -> Settings:
    networks = {"2.1": b"Members", "6.1": 1, "38.1": 31}
    agent = _agent({f"14179.2.1.1.1.{cell}": value for cell, value in networks.items()})
    return {**await agent(stage), "vendor": "cisco"}


async def _http(stage: Stage) -> Settings:
    page = WebApi({"GET /": Reply(canary("page").encode())})
    headers = {"X-Key": Secret(canary("header"))}
    return {"url": f"{await stage.web(page)}/", "secret_headers": headers, "bearer": Secret(canary("bearer"))}


async def _internet_meraki(stage: Stage) -> Settings:
    serial, api = "Q2AB-CDEF-GHIJ", f"/api/v1/organizations/{meraki.ORGANIZATION}"
    lines = [{"interface": "wan1", "status": "active", "publicIp": "198.51.100.7", "apn": canary("apn")}]
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    device = {"networkId": "N_1", "serial": serial, "model": "MX68", "lastReportedAt": now, "uplinks": lines}
    figures = {f"{api}/appliance/uplink/statuses": [device], f"{api}/devices/uplinksLossAndLatency": []}
    return {**await _cloud(stage, meraki.Cloud(figures=figures)), "serial": serial}


async def _wifi_meraki(stage: Stage) -> Settings:
    return {**await _cloud(stage, meraki.Cloud()), "network": meraki.NETWORK}


async def _cloud(stage: Stage, cloud: meraki.Cloud) -> Settings:
    port = await stage.serve(cloud.api.talk, tls=True)
    known = {"url": f"https://localhost:{port}/api/v1", "ca_file": str(stage.authority.file)}
    return {**known, "organization": meraki.ORGANIZATION, "api_key": Secret(meraki.API_KEY)}


async def _mikrotik(stage: Stage) -> Settings:
    lines = [mikrotik.interface("ether1", "Fibre")]
    router = mikrotik.Router([mikrotik.watch("Fibre")], lines, [mikrotik.route("198.51.100.1%ether1")])
    way_in = {"username": mikrotik.USERNAME, "password": Secret(mikrotik.PASSWORD)}
    return {**await stage.appliance(router.api), **way_in}


async def _opnsense(stage: Stage) -> Settings:
    way_in = {"key": Secret(opnsense.KEY), "secret": Secret(opnsense.SECRET)}
    return {**await stage.appliance(opnsense.firewall(opnsense.gateway("WAN"))), **way_in}


async def _unifi_gateway(stage: Stage) -> Settings:
    told = {"subsystem": "wan", "status": "ok", "wan_ip": "198.51.100.7", "x_authkey": canary("unifi-authkey")}
    watched = {"WAN": {"availability": 100.0, "latency_average": 9}}
    health = unifi.ok({**told, "uptime_stats": watched})
    console = unifi.Unifi({"/api/s/default/stat/health": health})
    return {**await stage.appliance(console.api), "username": unifi.USERNAME, "password": Secret(unifi.PASSWORD)}


async def _wifi_unifi(stage: Stage) -> Settings:
    console = unifi.Unifi(unifi_wifi.site())
    return {**await stage.appliance(console.api), "api_key": Secret(unifi.API_KEY)}


async def _omada(stage: Stage) -> Settings:
    way_in = {"username": omada.USERNAME, "password": Secret(omada.PASSWORD)}
    return {**await stage.appliance(omada.Controller().api), **way_in}


async def _radius(stage: Stage) -> Settings:
    folder = stage.folder / "radius"
    folder.mkdir()
    secret, password = canary("radius"), canary("radius-password")
    users = f'probe Cleartext-Password := "{password}"\n'
    port = stage.stack.enter_context(freeradius.serving(folder, secret, users))
    stage.echoed[port] = "udp"
    way_in = {"secret": Secret(secret), "username": "probe", "password": Secret(password)}
    return {"host": "127.0.0.1", "port": port, **way_in}


async def _heartbeat(stage: Stage) -> Settings:
    return {"key": Secret(canary("heartbeat")), "period": 3600}


async def _mqtt(stage: Stage) -> Settings:
    port = await stage.serve(doorkeepers.mqtt(canary("mqtt")))
    signed = {"username": "desk", "password": Secret(canary("mqtt"))}
    return {"host": "127.0.0.1", "port": port, "topic": "desk", "max_age": 600, **signed}


async def _plugin(stage: Stage) -> Settings:
    """It says all that it knows."""
    words = [*("/bin/sh", "-c", 'echo "OK - $1 $KEY | age=1s"; echo "$1" >&2', "plugin"), Secret(canary("argument"))]
    return {"command": words, "env": {"KEY": Secret(canary("environment"))}}


async def _promql(stage: Stage) -> Settings:
    def answer(asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {canary('prometheus')}":
            return Reply(b"Unauthorized", 401)
        return Reply({"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}})

    base = await stage.web(WebApi({"POST /api/v1/query": answer}))
    return {"url": base, "query": "1 + 1", "authorization": Secret(f"Bearer {canary('prometheus')}")}


async def _bravia(stage: Stage) -> Settings:
    key = canary("bravia")
    return {"host": "127.0.0.1", "port": await stage.serve(bravia.Display(key=key).talk), "key": Secret(key)}


async def _roomos(stage: Stage) -> Settings:
    system = roomos.RoomSystem(password=canary("roomos"))
    port = await stage.serve(system.talk, tls=True)
    way_in = {"username": "deskwatch", "password": Secret(canary("roomos")), "tls_verify": False}
    return {"host": "127.0.0.1", "port": port, **way_in}


async def _pjlink(stage: Stage) -> Settings:
    beamer = projector.Projector(password=canary("pjlink"))
    return {"host": "127.0.0.1", "port": await stage.serve(beamer.talk), "password": Secret(canary("pjlink"))}


async def _clickshare(stage: Stage) -> Settings:
    way_in = {"username": clickshare.USERNAME, "password": Secret(clickshare.PASSWORD)}
    return {**await stage.appliance(clickshare.base_unit()), **way_in}


async def _crestron(stage: Stage) -> Settings:
    way_in = {"username": crestron.USERNAME, "password": Secret(crestron.PASSWORD)}
    return {**await stage.appliance(crestron.switcher()), **way_in}


async def _extron(stage: Stage) -> Settings:
    switcher = extron.Switcher(password=canary("extron"))
    return {"host": "127.0.0.1", "port": await stage.serve(switcher.talk), "password": Secret(canary("extron"))}


async def _poly(stage: Stage) -> Settings:
    return {**await stage.appliance(poly.trio()), "username": "Polycom", "password": Secret(poly.PASSWORD)}


async def _zoom(stage: Stage) -> Settings:
    base = await stage.web(zoom.account())
    app = {"account": "Acc-1", "client_id": "client", "client_secret": Secret(zoom.SECRET)}
    return {"url": f"{base}/v2", "sign_in_url": f"{base}/oauth/token", **app}


async def _readiness(stage: Stage) -> Settings:
    return {"calendar": (await _calendar(stage))["url"]}


async def _samsung(stage: Stage) -> Settings:
    """Its PIN has four digits, too few to be looked for in everything; what its kind says has a test of its own."""
    display = samsung.Display(pin="7193", tls=stage.authority.issue().context())
    return {"host": "127.0.0.1", "port": await stage.serve(display.talk), "pin": Secret("7193")}


CONFIDANTS: Mapping[str, Come] = {
    "access.axis": _axis,
    "access.brivo": _brivo,
    "access.controller": _panel,
    "access.credentials": _credentials,
    "access.kisi": _kisi,
    "access.salto_ks": _salto,
    "access.unifi": _unifi_access,
    "booking.calendar_feed": _calendar,
    "booking.cobot": _cobot,
    "booking.invoices": _invoices,
    "booking.nexudus": _nexudus,
    "booking.officernd": _officernd,
    "booking.optix": _optix,
    "booking.portal": _portal,
    "booking.stripe": _stripe,
    "equipment.device": _agent({"1.0": b"Switch", "3.0": 4711, "5.0": b"switch"}, under="1.3.6.1.2.1.1."),
    "equipment.interfaces": _switch,
    "equipment.nut": _nut,
    "equipment.printer": _agent({"5.1.1.1": 3, "2.1.5.1": 2}, under="1.3.6.1.2.1.25.3."),
    "equipment.ups": _agent({"2.1.0": 2, "4.1.0": 3}, under="1.3.6.1.2.1.33.1."),
    "internet.fortigate": _agent(_FORTIGATE),
    "internet.http": _http,
    "internet.meraki": _internet_meraki,
    "internet.mikrotik": _mikrotik,
    "internet.opnsense": _opnsense,
    "internet.peplink": _agent(_PEPLINK),
    "internet.unifi_gateway": _unifi_gateway,
    "passive.heartbeat": _heartbeat,
    "passive.mqtt": _mqtt,
    "passive.plugin": _plugin,
    "passive.promql": _promql,
    "rooms.bravia": _bravia,
    "rooms.cisco_roomos": _roomos,
    "rooms.clickshare": _clickshare,
    "rooms.crestron": _crestron,
    "rooms.extron": _extron,
    "rooms.pjlink": _pjlink,
    "rooms.poly": _poly,
    "rooms.readiness": _readiness,
    "rooms.samsung_mdc": _samsung,
    "rooms.zoom": _zoom,
    "wifi.meraki": _wifi_meraki,
    "wifi.omada": _omada,
    "wifi.radius": _radius,
    "wifi.snmp": _wifi_snmp,
    "wifi.unifi": _wifi_unifi,
}
"""What each kind's check is set to, once its peer is on stage."""
