"""The text catalogue: all that Deskwatch says to people, extracted from its sources, and its translations."""

from catalogue.extract import extracted as extracted
from catalogue.files import FOLDER as FOLDER
from catalogue.files import compiled as compiled
from catalogue.files import kept as kept
from catalogue.files import merged as merged
from catalogue.files import written as written
