"""`python -m catalogue`: renew the catalogue, bring the translations up to date with it, and compile them."""

import sys

from catalogue import FOLDER, compiled, extracted, kept, merged, written
from catalogue.files import forms, of_language
from language import DEFAULT, LANGUAGES

if __name__ == "__main__":
    template = extracted()
    (FOLDER / "deskwatch.pot").write_bytes(written(template))
    for code in LANGUAGES.keys() - {DEFAULT}:
        catalog = merged(kept(code), template)
        (FOLDER / f"{code}.po").write_bytes(written(catalog))
        of_language(code).write_bytes(compiled(catalog))
        lacking = sum(1 for message in catalog if message.id and not all(forms(message)))
        sys.stdout.write(f"{code}: {len(catalog)} messages, {lacking} without a translation\n")
