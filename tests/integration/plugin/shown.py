"""What stands on a page of ours, without its markup."""

from __future__ import annotations

import re
from html import unescape


def words(text: str) -> str:
    """What is read."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text))).strip()


def cells(text: str, slug: str) -> str:
    """The row of one organization."""
    (row,) = [row for row in text.split("<tr>") if f"{slug}</a>" in row]
    return row


def table(text: str, label: str) -> list[dict[str, str]]:
    """The rows of the table in the region of that name: what is read in each cell, by the heading of its column."""
    (region,) = re.findall(rf'aria-label="{label}">(.*?)</table>', text, re.DOTALL)
    head, _, body = region.partition("<tbody>")
    headings = [words(each) for each in re.findall(r"<th .*?</th>", head, re.DOTALL)]
    rows = [re.findall(r"<t[hd]\b.*?</t[hd]>", row, re.DOTALL) for row in re.findall(r"<tr>.*?</tr>", body, re.DOTALL)]
    return [dict(zip(headings, map(words, row), strict=True)) for row in rows]


def stats(text: str) -> list[str]:
    """The figures on top of a page, each with its name."""
    (found,) = re.findall(r'<ul class="stats">(.*?)</ul>', text, re.DOTALL)
    return [words(each) for each in re.findall(r"<li.*?</li>", found, re.DOTALL)]


def facts(text: str) -> dict[str, str]:
    """The figures of all cards, by name."""
    pairs = re.findall(r"<dt[^>]*>(.*?)</dt><dd>(.*?)</dd>", text, re.DOTALL)
    return {words(name): words(value) for name, value in pairs}


def bars(text: str, label: str) -> list[tuple[str, float]]:
    """Class and height of each bar in the first picture whose name begins so."""
    picture = text[text.index(f'aria-label="{label}') :].partition("</svg>")[0]
    return [(name, float(height)) for name, height in re.findall(r'<rect class="(\w+)".*? height="([\d.]+)"', picture)]
