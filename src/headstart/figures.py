"""Figures: arrays in, Axes out. Colours are safe for colour-blind readers and the ground is white in dark mode too."""

import matplotlib.pyplot as plt
import numpy as np

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#6b7280"  # after Okabe and Ito
HEADS = (BLUE, ORANGE, GREEN, "#cc79a7", "#e69f00", "#56b4e9", "#8a6d00", "#444444")


def canvas(width=6.0, height=3.2, columns=1, rows=1, **kwargs):
    """A figure with `rows` x `columns` Axes, sized so that its text stays legible on a phone."""
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), layout="constrained", **kwargs)
    figure.set_facecolor("white")
    return figure, axes


def heat_map(ax, weights, queries, keys, title="", numbers=True):
    """Draw a (T_q, T_k) matrix of weights: one row a query, one column a key, the number in each cell."""
    ax.imshow(weights, cmap="Blues", vmin=0.0, vmax=max(1e-12, float(np.max(weights))))
    ax.set_xticks(range(len(keys)), keys, rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(queries)), queries)
    ax.set_xlabel("keys")
    ax.set_ylabel("queries")
    ax.set_title(title)
    if numbers:
        for (i, j), w in np.ndenumerate(weights):
            color = "white" if w > 0.6 * np.max(weights) else "black"
            ax.text(j, i, f"{w:.2f}", ha="center", va="center", color=color, fontsize=8)
    return ax


def lines(ax, x, curves, xlabel, ylabel, title="", **kwargs):
    """Draw named curves over x; each has its own colour and its name beside its last point or in the legend."""
    for (name, y), color in zip(curves.items(), HEADS, strict=False):
        ax.plot(x, y, marker="o", markersize=4, color=color, label=name, **kwargs)
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def bars(ax, names, values, ylabel, title="", color=BLUE):
    """Draw one labelled bar a name, with the value on top."""
    drawn = ax.bar(names, values, color=color)
    ax.bar_label(drawn, fmt="{:.3g}", padding=2, fontsize=9)
    ax.set_ylabel(ylabel)
    ax.set_title(title)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def flow(ax, boxes, arrows, title=""):
    """Draw a diagram: boxes {name: (x, y, text, color)} in units of boxes, arrows [(from, to, text)] between them."""
    drawn = {}
    for name, (x, y, text, color) in boxes.items():
        style = {"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": color, "linewidth": 1.6}
        drawn[name] = ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=style, zorder=3)
    for start, end, text in arrows:
        (x0, y0), (x1, y1) = boxes[start][:2], boxes[end][:2]
        arrow = {"arrowstyle": "-|>", "color": GREY, "linewidth": 1.2, "shrinkA": 2, "shrinkB": 2}
        arrow |= {"patchA": drawn[start].get_bbox_patch(), "patchB": drawn[end].get_bbox_patch()}
        ax.annotate("", xy=(x1, y1), xytext=(x0, y0), arrowprops=arrow, zorder=1)
        if text:
            pad = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
            middle = ((x0 + x1) / 2, (y0 + y1) / 2)
            ax.text(*middle, text, ha="center", va="center", fontsize=8, color="#374151", bbox=pad, zorder=2)
    xs, ys = [box[0] for box in boxes.values()], [box[1] for box in boxes.values()]
    ax.set_xlim(min(xs) - 0.9, max(xs) + 0.9)
    ax.set_ylim(min(ys) - 0.6, max(ys) + 0.6)
    ax.set_title(title)
    ax.axis("off")
    return ax


def blocks(ax, rows, title="", labels=None):
    """Draw memory as rows of coloured cells: `rows` is a (n, m) array of group numbers, one colour a group.

    labels  (n, m) texts for the cells, or None
    """
    rows = np.asarray(rows)
    for (i, j), group in np.ndenumerate(rows):
        ax.add_patch(plt.Rectangle((j, -i), 1, 0.9, facecolor=HEADS[int(group) % len(HEADS)], alpha=0.75, ec="white"))
        if labels is not None:
            ax.text(j + 0.5, -i + 0.45, labels[i][j], ha="center", va="center", fontsize=8, color="white")
    ax.set_xlim(-0.1, rows.shape[1] + 0.1)
    ax.set_ylim(-rows.shape[0] + 0.9, 1.0)
    ax.set_title(title, fontsize=10)
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def table(headers, rows):
    """A Markdown table for a notebook; numbers are shortened, whole numbers get thin groups of three digits."""
    from IPython.display import Markdown

    def cell(value):
        if isinstance(value, int | np.integer) and not isinstance(value, bool):
            return f"{value:,}".replace(",", "\u202f")
        return f"{value:.3g}" if isinstance(value, float | np.floating) else str(value)

    lines_ = [headers, ["---"] * len(headers), *([cell(value) for value in row] for row in rows)]
    return Markdown("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines_))
