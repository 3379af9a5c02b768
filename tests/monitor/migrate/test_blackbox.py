"""Modules of blackbox_exporter and the targets that Prometheus gives them, as checks."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from peers import require

from monitor.migrate.blackbox import PLACEHOLDER, migrated
from monitor.migrate.draft import Draft, Verdict
from monitor.migrate.prometheus_targets import Target, targets

Make = Callable[..., Any]
RELABEL = """
    relabel_configs:
      - source_labels: [__address__]
        target_label: __param_target
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: "127.0.0.1:9115"}
"""
HTTP = r"""
modules:
  portal:
    prober: http
    timeout: 4s
    http:
      method: POST
      body: '{"ping": 1}'
      headers: {Accept: application/json, X-Door: canary-door-9f31c7}
      http_headers: {Host: {values: [portal.example.org]}}
      valid_status_codes: [200, 204]
      valid_http_versions: [HTTP/2.0]
      no_follow_redirects: true
      fail_if_not_ssl: true
      fail_if_body_matches_regexp: ['(?i)error']
      fail_if_body_not_matches_regexp: ['^ok']
      fail_if_header_matches: [{header: X-Cache, regexp: MISS}, {header: Via, regexp: x, allow_missing: true}]
      fail_if_header_not_matches: [{header: Server, regexp: nginx}]
      basic_auth: {username: ana, password: canary-basic-9f31c7}
      tls_config: {insecure_skip_verify: true, ca_file: /etc/ca.pem, server_name: other}
      preferred_ip_protocol: ip4
      proxy_url: http://proxy:3128
      compression: gzip
      body_size_limit: 2MB
      fail_if_body_json_matches_cel: body.x == 1
  token: {prober: http, http: {authorization: {credentials: canary-token-9f31c7}}}
  token_file: {prober: http, http: {bearer_token_file: TOKEN_FILE, enable_http2: false}}
  oauth: {prober: http, http: {oauth2: {client_id: x}}}
  mutual: {prober: http, http: {tls_config: {cert_file: /x, key_file: /y}}}
  foreign: {prober: http, http: {fail_if_body_matches_regexp: ['\pL+']}}
"""
SOCKETS = r"""
modules:
  smtp:
    prober: tcp
    tcp:
      tls: true
      tls_config: {server_name: mail.example.org}
      source_ip_address: 127.0.0.1
      ip_protocol_fallback: false
      preferred_ip_protocol: ip6
      query_response: [{expect: "^220 "}, {send: 'EHLO a\b'}]
  starttls: {prober: tcp, tcp: {query_response: [{expect: x}, {starttls: true}]}}
  captures: {prober: tcp, tcp: {query_response: [{expect: "PING (.*)", send: "PONG ${1}"}]}}
  signs_in: {prober: tcp, tcp: {query_response: [{send: "PASS canary-pass-9f31c7"}]}}
  icmp: {prober: icmp, icmp: {payload_size: 4, ttl: 5, dont_fragment: true}}
  soa:
    prober: dns
    dns:
      query_name: example.org
      query_type: SOA
      transport_protocol: tcp
      valid_rcodes: [NOERROR, NXDOMAIN]
      recursion_desired: false
      validate_answer_rrs:
        fail_if_matches_regexp: [bad]
        fail_if_not_matches_regexp: ['\tSOA\t']
        fail_if_none_matches_regexp: [good]
        fail_if_all_match_regexp: [x]
      validate_authority_rrs: {fail_if_matches_regexp: [x]}
  dot: {prober: dns, dns: {query_name: example.org, dns_over_tls: true}}
  grpc: {prober: grpc, timeout: 1s}
  stray: {prober: icmp, http: {method: GET}}
"""


def found(text: str, files: dict[str, str] | None = None, draft: Draft | None = None) -> tuple[Target, ...]:
    def read(pattern: str) -> Sequence[tuple[str, str]]:
        return [(name, text) for name, text in (files or {}).items() if name == pattern]

    return targets(text, read, draft or Draft("blackbox"))


def test_every_option_of_the_http_prober_becomes_a_setting_or_is_told(made: Make) -> None:
    result = made(migrated(HTTP.replace("TOKEN_FILE", "token"), None, Draft("blackbox")))
    params = result.check("portal/portal").params
    assert result.check("portal/portal").timeout == 4
    assert params.url == f"http://{PLACEHOLDER}"
    assert (params.method, params.body, params.statuses) == ("POST", '{"ping": 1}', (200, 204))
    assert (params.http_version, params.follow_redirects, params.fail_if_not_ssl) == ("2", False, True)
    assert (params.tls_verify, params.ca_file, params.family, params.max_body) == (
        False,
        "/etc/ca.pem",
        "ipv4",
        2_000_000,
    )
    assert params.headers == {"Accept": "application/json", "Host": "portal.example.org"}
    assert set(params.secret_headers) == {"X-Door"}
    assert (params.body_matches, params.body_not_matches) == (("^ok",), ("(?i:error)",))
    assert params.header_matches == {"Server": "nginx", "X-Cache": r"\A(?![\s\S]*(?:MISS))"}
    assert params.username == "ana"
    left = result.said(Verdict.LEFT, "portal")
    for word in ("proxy_url", "compression", "cel", "tls_config.server_name", "header line must be there"):
        assert word in left
    assert "does not fall back" in result.said(Verdict.CHANGED, "portal")


def test_what_signs_in_is_a_reference_or_the_module_is_not_carried(made: Make, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    result = made(migrated(HTTP.replace("TOKEN_FILE", str(tmp_path / "token")), None, Draft("blackbox")))
    assert result.check("token-file/token-file").params.bearer.get_secret_value() == "t"
    assert result.check("token/token").params.bearer is not None
    assert "canary" not in result.text
    assert "OAuth" in result.said(Verdict.LEFT, "oauth")
    assert "client certificates" in result.said(Verdict.LEFT, "mutual")
    assert "Python does not know" in result.said(Verdict.LEFT, "foreign")


def test_every_option_of_the_other_probers_becomes_a_setting_or_is_told(made: Make) -> None:
    result = made(migrated(SOCKETS, None, Draft("blackbox")))
    smtp, icmp, soa = (result.check(f"{name}/{name}").params for name in ("smtp", "icmp", "soa"))
    assert (smtp.tls, smtp.server_name, smtp.family, str(smtp.source), smtp.port) == (
        True,
        "mail.example.org",
        "ipv6",
        "127.0.0.1",
        443,
    )
    assert [step.expect or step.send for step in smtp.steps] == ["^220 ", "EHLO a\\\\b\\n"]
    assert (icmp.size, icmp.ttl, icmp.dont_fragment) == (8, 5, True)
    assert (soa.query_type, soa.transport, soa.rcodes, soa.recursion) == ("SOA", "tcp", ("NOERROR", "NXDOMAIN"), False)
    assert (soa.min_answers, soa.answer_matches) == (1, ("good",))
    assert soa.answer_not_matches == ("bad", r"\A(?![\s\S]*(?:\sSOA\s))")
    for what, word in {
        "starttls": "cannot go over to TLS",
        "captures": "cannot repeat",
        "signs_in": "may hold a secret",
        "soa": "validate_authority_rrs",
        "dot": "not over TLS",
        "grpc": "gRPC",
        "stray": "`http` belongs to another prober",
    }.items():
        assert word in result.said(Verdict.LEFT, what)
    assert "5 echoes" in result.said(Verdict.CHANGED, "icmp")
    assert "canary" not in result.text


def test_the_targets_of_a_job_become_assets_with_its_pace_and_labels(made: Make) -> None:
    prometheus = f"""
global: {{scrape_interval: 30s}}
scrape_configs:
  - job_name: web
    metrics_path: /probe
    params: {{module: [ok, second]}}
    scrape_interval: 2m
    basic_auth: {{username: x}}
    static_configs: [{{targets: ["https://a.example.org/x", b.example.org], labels: {{area: front}}}}]
    file_sd_configs: [{{files: [more.yml, more.json, none.yml]}}]
{RELABEL}
  - {{job_name: node, static_configs: [{{targets: [n]}}]}}
"""
    files = {"more.yml": "---\n- targets: [c.example.org]\n", "more.json": json.dumps([{"targets": ["b.example.org"]}])}
    draft = Draft("blackbox")
    all_targets = found(prometheus, files, draft)
    result = made(migrated("modules: {ok: {prober: http}, idle: {prober: icmp}}", all_targets, draft))
    assert [check.params.url for check in result.config.checks] == [
        "https://a.example.org/x",
        "http://b.example.org",
        "http://b.example.org",
        "http://c.example.org",
    ]
    assert {(check.interval, check.timeout) for check in result.config.checks} == {(120, 9.5)}
    assert result.config.assets[0].tags == {"area-front"}
    assert len(result.config.assets) == 3
    left = result.said(Verdict.LEFT)
    for word in ("only the first", "`basic_auth` is about the scrape", "no file fits", "no job of Prometheus uses it"):
        assert word in left


def test_a_target_of_each_prober_is_aimed_at(made: Make) -> None:
    modules = """
modules:
  tcp: {prober: tcp}
  dns: {prober: dns, dns: {query_name: example.org}}
  icmp: {prober: icmp}
"""
    given = [("[::1]:25", "tcp"), ("9.9.9.9:5353", "dns"), ("::1", "icmp"), ("x/y", "icmp"), ("h", "tcp"), ("h", "no")]
    aims = [Target(address, module, 60, 9.5, ()) for address, module in given]
    result = made(migrated(modules, aims, Draft("blackbox")))
    assert [check.params.target for check in result.config.checks] == ["[::1]:25", "9.9.9.9:5353", "::1"]
    left = result.said(Verdict.LEFT)
    assert "is no host" in left
    assert "there is no module no" in left


def test_the_same_address_in_two_jobs_is_one_asset(made: Make) -> None:
    modules = "modules: {a: {prober: icmp}, b: {prober: icmp}}"
    result = made(migrated(modules, [Target("h", name, 60, 5, ()) for name in "ab"], Draft("blackbox")))
    assert [check.id for check in result.config.checks] == ["h/a", "h/b"]


def test_relabeling_that_does_more_is_not_guessed_at() -> None:
    draft = Draft("blackbox")
    text = f"scrape_configs:\n  - job_name: x\n    metrics_path: /probe{RELABEL}      - {{regex: a, action: drop}}\n"
    assert found(text, draft=draft) == ()
    assert "add its targets by hand" in draft.finished().lines[0].words


@pytest.mark.parametrize("text", ["", "[]", "modules: []", "modules: {}", "modules: {a: 1}", "a: &a [*a]", "[" * 99])
def test_a_file_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"it is no configuration|line"):
        migrated(text, None, Draft("blackbox"))


@pytest.mark.parametrize("text", ["a: 1", "scrape_configs: 1", "scrape_configs: [1]", "global: []"])
def test_a_prometheus_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it is no configuration of Prometheus"):
        found(text)


def test_the_modules_that_debian_ships_are_carried(made: Make) -> None:
    path = Path("/etc/prometheus/blackbox.yml")
    if not path.exists():
        require.missing("the Debian package prometheus-blackbox-exporter")
    result = made(migrated(path.read_text(), None, Draft("blackbox")))
    assert {check.kind for check in result.config.checks} == {"internet.http", "internet.tcp", "internet.ping"}
