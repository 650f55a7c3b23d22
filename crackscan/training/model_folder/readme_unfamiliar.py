"""The section of a model's README on tiles that it does not judge."""

from collections.abc import Mapping

from crackscan.model.card_records import OODLimit
from crackscan.training.model_folder.markdown import join, table
from crackscan.training.samples.lights import CASTS


def unfamiliar_section(limit: OODLimit | None) -> str:
    """Return which concrete is lost and which other things are caught; "" where it was not measured."""
    if limit is None or not limit.lost:
        return ""
    words = (
        "A tile is `unfamiliar` where texture and the way colours vary are unlike concrete. The limit of its "
        f"distance is {limit.limit:g}: {limit.rule}. Each dataset was judged by a detector fitted without it."
    )
    return join("## Which tiles are not judged", words, _lost(limit), _caught(limit))


def _lost(limit: OODLimit) -> str:
    rows = [
        [name, f"{tiles:,}", f"{limit.lost[name]:.1%}", _share(limit.lost_at_worst, name)]
        for name, tiles in limit.tiles.items()
    ]
    return join(
        table(["concrete", "tiles", "unfamiliar", "in the worst light"], rows),
        f"The lights, strong ones: {', '.join(CASTS)}.",
    )


def _caught(limit: OODLimit) -> str:
    if not limit.others or not limit.caught:
        return ""
    rows = [[kind, f"{tiles:,}", f"{limit.caught[kind]:.1%}"] for kind, tiles in limit.others.items()]
    total = sum(limit.others.values())
    mean = sum(limit.caught[kind] * tiles for kind, tiles in limit.others.items()) / total
    return join(
        "Of other things, each picture judged by a detector fitted without it:",
        table(["what it shows", "tiles", "unfamiliar"], [*rows, ["all", f"{total:,}", f"{mean:.1%}"]]),
    )


def _share(shares: Mapping[str, float] | None, name: str) -> str:
    return f"{shares[name]:.1%}" if shares and name in shares else "-"
