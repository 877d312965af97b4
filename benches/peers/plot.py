"""Draws line charts as SVG, without a library: titles, axes with units, a legend, on white paper."""

import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 58, 46
# Told apart by those who do not see red and green, too.
COLOURS = ["#0072b2", "#d55e00", "#009e73"]
STYLE = """text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-size: 14px; font-weight: 600 }
.grid { stroke: #ddd } .axis { stroke: #666 } .paper { fill: #fff }"""


@dataclass
class Panel:
    """One chart. Each series is a name and its points (x, y); the vertical axis begins at zero."""

    title: str
    x: str
    y: str
    series: dict
    x_ticks: list
    # Equal factors, not equal differences, lie equally far apart.
    is_log: bool = False


def steps(most):
    """About five round numbers from zero to at least `most`."""
    rough = max(most, 1e-9) / 4.5
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    return [step * index for index in range(math.ceil(most / step) + 1)]


def number(value):
    return f"{value:,.10g}"


def draw(panel):
    """The elements of one chart."""
    scale = math.log if panel.is_log else float
    first, last = scale(panel.x_ticks[0]), scale(panel.x_ticks[-1])
    y_ticks = steps(max(y for points in panel.series.values() for _, y in points))
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def at_x(x):
        return LEFT + (scale(x) - first) / (last - first) * (right - LEFT)

    def at_y(y):
        return bottom - y / y_ticks[-1] * (bottom - TOP)

    yield f'<text class="title" x="{LEFT}" y="20">{escape(panel.title)}</text>'
    for tick in y_ticks:
        y = at_y(tick)
        yield f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{number(tick)}</text>'
    for tick in panel.x_ticks:
        x = at_x(tick)
        yield f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{number(tick)}</text>'
    yield f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
    yield f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(panel.x)}</text>'
    middle = (TOP + bottom) / 2
    yield f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escape(panel.y)}</text>'

    legend = LEFT
    for (name, points), colour in zip(panel.series.items(), COLOURS):
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for x, y in points:
            yield (f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.5" fill="{colour}">'
                   f"<title>{escape(name)}: {number(x)}, {number(round(y, 1))}</title></circle>")
        yield f'<circle cx="{legend + 4}" cy="38" r="4" fill="{colour}"/>'
        yield f'<text x="{legend + 13}" y="42">{escape(name)}</text>'
        # Letters of this font are about seven wide.
        legend += 30 + 7 * len(name)


def figure(panels):
    """Charts side by side, as one SVG document."""
    width = WIDTH * len(panels)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" '
             'role="img">', f"<title>{escape('; '.join(panel.title for panel in panels))}</title>",
             f"<style>{STYLE}</style>", f'<rect class="paper" width="{width}" height="{HEIGHT}"/>']
    for place, panel in enumerate(panels):
        parts += [f'<g transform="translate({place * WIDTH} 0)">', *draw(panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])
