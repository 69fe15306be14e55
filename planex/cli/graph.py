# SPDX-License-Identifier: LGPL-2.1-or-later
"""``planex graph``."""

from __future__ import annotations

import click

from planex.cli.context import Context, pass_context
from planex.cli.output import echo
from planex.distro.project import load_project
from planex.engine.graph import Graph
from planex.engine.workshop import Workshop
from planex.errors import PlanexError, joined
from planex.pages.graph import Edges, as_dot, as_json, as_path, as_text


@click.command(short_help="Show which package needs which, and why.")
@click.argument("packages", nargs=-1)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--dot", "form", flag_value="dot", help="Print a graph for Graphviz' dot.")
@click.option("--why", nargs=2, metavar="A B", help="Show how package A comes to need package B.")
@pass_context
def graph(context: Context, packages: tuple[str, ...], form: str | None, why: tuple[str, str] | None) -> None:
    """Show which packages PACKAGES (default: all) need, in an order in which they can be built.

    Nothing is fetched or built for that. What is wrong with a package is said beside it; a package whose files cannot
    be read is left out and named, and the exit status is then 2.

    \b
    Examples:
      planex graph                        all packages, each with what it needs and why
      planex graph xen --dot | dot -Tsvg  a picture
      planex graph --why xen yajl         by which steps xen comes to need yajl
    """
    project = load_project(context.workspace, context.config, context.target_name, tolerant=True)
    workshop = Workshop(project, offline=True, advise=context.advise)
    if why:
        _explain(workshop, *why)
        return
    wanted = project.choose_built(packages) if packages else list(project.built)
    edges, notes = _edges(workshop.graph, wanted), _notes(workshop)
    if form == "dot":
        echo(as_dot(edges))
    else:
        echo(as_json(edges, notes) if form == "json" else as_text(edges, notes))
    if packages:
        for remark in project.left_alone(packages):
            context.reporter.warn(remark)
    elif project.broken:
        raise joined(project.broken.values())


def _explain(workshop: Workshop, package: str, other: str) -> None:
    workshop.project.choose_built([package, other])
    path = workshop.graph.path(package, other)
    if not path:
        raise PlanexError(f"{package} does not need {other}", f"what it needs: planex graph {package}")
    echo(as_path(path))


def _edges(graph: Graph, wanted: list[str]) -> Edges:
    """What is in the closure of ``wanted``: first what can be built, in its order, then what has faults."""
    scope = graph.closure(wanted)
    order = [name for name in graph.order if name in scope]
    return {name: graph.edges(name) for name in [*order, *sorted(scope - set(order))]}


def _notes(workshop: Workshop) -> dict[str, list[str]]:
    notes: dict[str, list[str]] = {}
    for item in workshop.graph.opened:
        notes.setdefault(item.package, []).append(str(item))
    for name in workshop.project.built:
        if fault := workshop.fault(name):
            notes.setdefault(name, []).append(fault.message)
    return notes
