"""The Grafana of compose.yaml finds its Prometheus, and the dashboards that are generated."""

import yaml
from peers.dashboards import FOLDER, dashboards
from peers.deployment import DEPLOY, compose


def test_compose_shows_grafana_the_folder_of_the_dashboards() -> None:
    (provider,) = yaml.safe_load((DEPLOY / "grafana" / "dashboards.yaml").read_text())["providers"]
    mounts = dict(volume.split(":")[:2][::-1] for volume in compose()["services"]["grafana"]["volumes"])
    assert (DEPLOY / mounts[provider["options"]["path"]]).resolve() == FOLDER
    assert dashboards()


def test_rates_look_back_over_scrapes_as_they_are() -> None:
    (source,) = yaml.safe_load((DEPLOY / "grafana" / "datasources.yaml").read_text())["datasources"]
    scraped = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())["global"]["scrape_interval"]
    assert (source["type"], source["jsonData"]["timeInterval"]) == ("prometheus", scraped)


def test_exemplars_are_kept_and_lead_to_their_incident() -> None:
    (source,) = yaml.safe_load((DEPLOY / "grafana" / "datasources.yaml").read_text())["datasources"]
    (destination,) = source["jsonData"]["exemplarTraceIdDestinations"]
    assert destination["name"] == "incident_id"
    assert destination["url"].endswith("/incidents/$${__value.raw}")
    assert "--enable-feature=exemplar-storage" in compose()["services"]["prometheus"]["command"]
