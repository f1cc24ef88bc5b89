"""Options and steps that several commands share."""

from collections.abc import Callable
from typing import Any

import click

from portwright.errors import InvalidInput
from portwright.files import read_text
from portwright.policy.configuration import Configuration

Command = Callable[..., Any]


def format_option(*formats: str) -> Callable[[Command], Command]:
    """`--format`, the first given being the default."""
    return click.option(
        "--format", "output", type=click.Choice(formats), default=formats[0], show_default=True, help="Output format."
    )


def platform_option(function: Command) -> Command:
    """`--platform`, for a configuration whose platform cannot be recognized."""
    return click.option("--platform", help="Platform of the configuration; recognized from the text when not given.")(
        function
    )


def read_configuration(path: str, platform: str | None) -> tuple[Configuration, str]:
    """The parsed configuration and its text. Raises InvalidInput when it cannot be read, recognized or parsed."""
    from portwright import platforms

    if platform is not None and platform not in platforms.PLATFORMS:
        raise InvalidInput.of(f"--platform {platform}: unknown", hint=f"one of: {', '.join(platforms.PLATFORMS)}")
    text = read_text(path)
    name = platform or platforms.recognize(text)
    if name is None:
        message = "no platform recognizes this text" if text.strip() else "is empty"
        raise InvalidInput.of(message, file=path, hint=f"it may be one of: {', '.join(platforms.PLATFORMS)}")
    return platforms.read(name, text, path), text
