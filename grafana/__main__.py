"""Writes all dashboards: `make dashboards`."""

import json
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import booking, deskwatch, doors, equipment, incidents, rooms, site, sites, uplinks, wifi
from grafana.board import finished

MODULES = (sites, site, uplinks, wifi, doors, booking, rooms, equipment, incidents, deskwatch)
"""In the order of the links from each to the others."""
FOLDER = Path(__file__).parent / "dashboards"


def generated() -> dict[str, str]:
    """The dashboards as the text of their files, by the files' names."""
    boards = [module.board() for module in MODULES]
    made = {f"{board.name}.json": finished(board, boards) for board in boards}
    return {name: json.dumps(board, cls=JSONEncoder, indent=1, sort_keys=True) + "\n" for name, board in made.items()}


def main() -> None:
    """Write what is new or has changed; a file that is no dashboard any more is removed."""
    texts = generated()
    for file in FOLDER.glob("*.json"):
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
