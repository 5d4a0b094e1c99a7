"""A page and a cursor: following the cursors visits every product that was there all along exactly once."""

from __future__ import annotations

from amazonlite.product.cursor import read_cursor, write_cursor
from amazonlite.product.domain import Filter, PageKey, Product, Sort, sort_value
from amazonlite.product.store import Catalogue


async def browse(
    catalogue: Catalogue, chosen: Filter, sort: Sort, cursor: str, limit: int
) -> tuple[list[Product], str | None]:
    """The products, and the cursor of the page after them when there is one."""
    after = read_cursor(cursor, sort) if cursor else None
    found = await catalogue.page(chosen, sort, after, limit + 1)
    page = found[:limit]
    if len(found) <= limit:
        return page, None
    last = page[-1].content
    return page, write_cursor(PageKey(sort_value(last, sort), last.sku), sort)
