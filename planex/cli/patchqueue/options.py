# SPDX-License-Identifier: LGPL-2.1-or-later
"""Options that several commands of ``planex patchqueue`` share."""

from __future__ import annotations

import click

guards_option = click.option(
    "--guard", "guards", multiple=True, metavar="NAME", help="Also choose this guard (may be repeated)."
)
offline_option = click.option("--offline", is_flag=True, help="Use no network.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
settings_option = click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda _context, _parameter, values: parse_settings(values),
    help="Value of a variable of package.yaml at the new version (may be repeated).",
)

accept_option = click.option(
    "--accept",
    multiple=True,
    type=click.Choice(["origin-pick", "words", "spaces", "moved", "renamed", "neighbours"]),
    metavar="RULE",
    help="Take proposals that rest on this rule alone, unseen (may be repeated).",
)
without_option = click.option(
    "--without",
    multiple=True,
    metavar="PATCH=REASON",
    callback=lambda _context, _parameter, values: parse_settings(values),
    help="Take this patch out of the queue from the start.",
)


def parse_settings(values: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping."""
    settings = {}
    for word in values:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"'{word}' is not NAME=VALUE")
        settings[name] = value
    return settings
