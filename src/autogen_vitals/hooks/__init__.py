"""WHAT is wrapped: one file of rows a library, no logic. A class to cover is one row, a library one file."""

from autogen_vitals.hooks.agentchat import AUTOGEN
from autogen_vitals.hooks.classic import CLASSIC
from autogen_vitals.hooks.servers import SERVERS
from autogen_vitals.hooks.tables import Library, Servers, Transport
from autogen_vitals.hooks.transport import TRANSPORT

LIBRARIES: tuple[Library, ...] = (AUTOGEN, CLASSIC)

__all__ = ["LIBRARIES", "SERVERS", "TRANSPORT", "Library", "Servers", "Transport"]
