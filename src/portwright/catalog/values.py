"""What values a setting may have."""

from portwright.catalog.model import Setting
from portwright.packets.notation import parse_ports
from portwright.shapes import SWITCH, choice, number

INSTANCE = "instance"  # what a condition may ask beside settings: is the instance `default` or `named`?
DYNAMIC = "dynamic"  # value of a port that the service chooses at its start
PORT_KINDS = ("port", "ports", "port-or-dynamic")  # kinds of setting that hold ports

_PORT = number("a port", 1, 65535)


def check_value(setting: Setting, text: str) -> str:
    """The value as it is kept. Raises ValueError with a sentence when the setting cannot have it."""
    if setting.kind == "choice":
        return choice(f"a value of {setting.name}", *setting.values).parse(text)
    if setting.kind == "switch":
        return str(SWITCH.parse(text)).lower()
    if setting.kind == "ports":
        parse_ports(text)
    elif setting.kind == "port" or (setting.kind == "port-or-dynamic" and text != DYNAMIC):
        return str(_PORT.parse(text))
    return text


def check_printed(setting: Setting, text: str) -> str:
    """The same for what a document prints, which may be several ports where one is used."""
    if setting.kind in PORT_KINDS and text != DYNAMIC:
        parse_ports(text)
        return text
    return check_value(setting, text)
