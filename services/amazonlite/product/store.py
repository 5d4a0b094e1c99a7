"""A product is one document and every write touches one, so its version holds without a transaction.

A removed product leaves its document behind, marked as removed: its versions go on if it is made again, so that an old
If-Match never fits a new product. It keeps its fields for pods of a release that does not know the mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel, ReturnDocument, UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, ConnectionFailure, DuplicateKeyError, ExecutionTimeout

from amazonlite.common.core.clock import Clock, SystemClock
from amazonlite.common.core.errors import Unavailable
from amazonlite.common.core.event import Event
from amazonlite.common.core.money import Money
from amazonlite.common.core.settings import MongoSettings
from amazonlite.common.events.producer import EventProducer
from amazonlite.common.mongo.relay import UNSENT, DocumentRelay
from amazonlite.common.mongo.undisturbed import undisturbed
from amazonlite.product.announce import changed
from amazonlite.product.domain import (
    BulkResult,
    Content,
    Filter,
    PageKey,
    Product,
    ProductExists,
    ProductNotFound,
    Sort,
    VersionConflict,
    name_key,
)

Document = dict[str, Any]
DUPLICATE_KEY = 11000
REMOVED = "removed"
ALIVE: Document = {REMOVED: {"$ne": True}}
_KEYS = {
    Sort.SKU: ("_id", ASCENDING),
    Sort.PRICE: ("price.amount", ASCENDING),
    Sort.PRICE_DOWN: ("price.amount", DESCENDING),
    Sort.NAME: ("name_key", ASCENDING),
    Sort.RATING: ("rating", DESCENDING),
}
# Every order ends in _id in the same direction, so that one index serves it forwards and backwards.
_INDEXES = (
    [IndexModel([(key, ASCENDING), ("_id", ASCENDING)]) for key in ("price.amount", "name_key", "rating")]
    + [
        IndexModel([(field, ASCENDING), ("price.amount", ASCENDING), ("_id", ASCENDING)])
        for field in ("category", "brand")
    ]
    + [IndexModel([(UNSENT, ASCENDING)])]
)


class IndexesMissing(Exception):
    """The service is not ready: lists would scan the whole catalogue."""


class CatalogueUnavailable(Unavailable):
    """MongoDB cannot be reached; repeat the same request later."""

    code = "store_unavailable"
    title = "Store unavailable"


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except (ConnectionFailure, ExecutionTimeout) as error:
        raise CatalogueUnavailable("The catalogue's database did not answer.", retry_after=2) from error


def account(mongo: MongoSettings) -> dict[str, Any]:
    """What the driver is told of it."""
    if not mongo.user:
        return {}
    return {"username": mongo.user, "password": mongo.password, "authSource": mongo.database}


class Catalogue:
    """The products in MongoDB."""

    def __init__(self, settings: MongoSettings, clock: Clock | None = None) -> None:
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            settings.url,
            serverSelectionTimeoutMS=3000,
            connectTimeoutMS=3000,
            socketTimeoutMS=10_000,
            tz_aware=True,
            **account(settings),
        )
        self._products: AsyncCollection[Document] = self._client[settings.database]["products"]
        self._clock = clock or SystemClock()
        self._prepared = False

    def relay(self, producer: EventProducer) -> DocumentRelay:
        """Tells of every change of a product."""

        def event_of(document: Mapping[str, Any]) -> Event:
            return changed(_product(document), removed=document.get(REMOVED, False), clock=self._clock)

        return DocumentRelay(self._products, producer, event_of, reachable=_reachable, clock=self._clock)

    async def prepare(self) -> None:
        """Make the indexes; those that exist are left alone."""
        await undisturbed(self._products.create_indexes(_INDEXES))
        self._prepared = True

    async def ready(self) -> None:
        """Raises until the indexes are there, and whenever the database does not answer."""
        if not self._prepared:
            raise IndexesMissing
        await self._client.admin.command("ping")

    async def close(self) -> None:
        await self._client.close()

    async def get(self, sku: str) -> Product:
        with _reachable():
            found = await self._products.find_one({"_id": sku, **ALIVE})
        if found is None:
            raise ProductNotFound(sku)
        return _product(found)

    async def prices(self, skus: Sequence[str]) -> dict[str, Money]:
        """In one read; products that are not there are left out."""
        with _reachable():
            found = self._products.find({"_id": {"$in": list(skus)}, **ALIVE}, {"price": 1})
            return {document["_id"]: Money.from_dict(document["price"]) async for document in found}

    async def page(self, chosen: Filter, sort: Sort, after: PageKey | None, limit: int) -> list[Product]:
        key, direction = _KEYS[sort]
        order = [("_id", direction)] if key == "_id" else [(key, direction), ("_id", direction)]
        with _reachable():
            cursor = self._products.find(_query(chosen, sort, after)).sort(order).limit(limit)
            return [_product(document) async for document in cursor]

    async def add(self, content: Content) -> tuple[Product, bool]:
        """The product, and whether it is new; the same content again is not an error."""
        try:
            with _reachable():
                await self._products.insert_one({"_id": content.sku, "version": 1, **self._fields(content)})
            return Product(content, 1), True
        except DuplicateKeyError:
            again = await self._make_again(content)
        if again is not None:
            return again, True
        existing = await self.get(content.sku)
        if existing.content.digest != content.digest:
            raise ProductExists(content.sku, existing.version)
        return existing, False

    async def replace(self, content: Content, version: int | None) -> Product:
        """None replaces whatever is there; a version only that one. The same content again changes nothing."""
        other = {**_exactly(content.sku, version), "digest": {"$ne": content.digest}}
        with _reachable():
            found = await self._products.find_one_and_update(
                other, self._change(content), return_document=ReturnDocument.AFTER
            )
        if found is not None:
            return _product(found)
        existing = await self.get(content.sku)
        if existing.content.digest != content.digest:
            raise VersionConflict(content.sku, existing.version)
        return existing

    async def _make_again(self, content: Content) -> Product | None:
        """None: it is there, and was not removed."""
        with _reachable():
            found = await self._products.find_one_and_update(
                {"_id": content.sku, REMOVED: True}, self._change(content), return_document=ReturnDocument.AFTER
            )
        return None if found is None else _product(found)

    async def remove(self, sku: str, version: int | None) -> None:
        """A product that is gone already is removed, whichever version it had."""
        with _reachable():
            mark = {"$set": {REMOVED: True, UNSENT: self._clock.now()}, "$inc": {"version": 1}}
            removed = (await self._products.update_one(_exactly(sku, version), mark)).matched_count
            alive = {"_id": sku, **ALIVE}
            left = None if removed or version is None else await self._products.find_one(alive, {"version": 1})
        if left is not None:
            raise VersionConflict(sku, left["version"])

    async def put_all(self, contents: Sequence[Content]) -> BulkResult:
        """Each product as given afterwards; one that has this content already keeps its version."""
        with _reachable():
            known = await self._digests([content.sku for content in contents])
            changed = [content for content in contents if known.get(content.sku) != content.digest]
            await self._upsert(changed)
        updated = sum(content.sku in known for content in changed)
        return BulkResult(len(changed) - updated, updated, len(contents) - len(changed))

    async def _digests(self, skus: list[str]) -> dict[str, str]:
        cursor = self._products.find({"_id": {"$in": skus}, **ALIVE}, {"digest": 1})
        return {document["_id"]: document["digest"] async for document in cursor}

    async def _upsert(self, contents: Sequence[Content]) -> None:
        if not contents:
            return
        writes = [UpdateOne({"_id": content.sku}, self._change(content), upsert=True) for content in contents]
        try:
            await self._products.bulk_write(writes, ordered=False)
        except BulkWriteError as error:
            faults = error.details["writeErrors"]
            if any(fault["code"] != DUPLICATE_KEY for fault in faults):
                raise
            # Another writer inserted the same SKU between our look and our insert: now it is an update.
            await self._products.bulk_write([writes[fault["index"]] for fault in faults], ordered=False)

    def _change(self, content: Content) -> Document:
        """The next version; one that was removed is there again."""
        return {"$set": {**self._fields(content), REMOVED: False}, "$inc": {"version": 1}}

    def _fields(self, content: Content) -> Document:
        """With the mark that the relay looks for, in the same write."""
        return {**_fields(content), UNSENT: self._clock.now()}


def _exactly(sku: str, version: int | None) -> Document:
    alive = {"_id": sku, **ALIVE}
    return alive if version is None else {**alive, "version": version}


def _query(chosen: Filter, sort: Sort, after: PageKey | None) -> Document:
    price = {"$gte": chosen.min_price, "$lte": chosen.max_price}
    bounds = {operator: amount for operator, amount in price.items() if amount is not None}
    terms: list[Document] = [{"price.amount": bounds}] if bounds else []
    terms += [{name: value} for name, value in (("category", chosen.category), ("brand", chosen.brand)) if value]
    if after is not None:
        terms.append(_beyond(after, sort))
    return {"$and": [*terms, ALIVE]} if terms else ALIVE


def _beyond(after: PageKey, sort: Sort) -> Document:
    key, direction = _KEYS[sort]
    further = "$gt" if direction == ASCENDING else "$lt"
    if key == "_id":
        return {"_id": {further: after.sku}}
    return {"$or": [{key: {further: after.value}}, {key: after.value, "_id": {further: after.sku}}]}


def _fields(content: Content) -> Document:
    return {
        "title": content.title,
        "name_key": name_key(content.title),
        "description": content.description,
        "brand": content.brand,
        "color": content.color,
        "category": list(content.category),
        "price": content.price.as_dict(),
        "rating": content.rating,
        "rating_count": content.rating_count,
        "digest": content.digest,
    }


def _product(document: Mapping[str, Any]) -> Product:
    content = Content(
        sku=document["_id"],
        title=document["title"],
        price=Money.from_dict(document["price"]),
        description=document["description"],
        brand=document["brand"],
        color=document["color"],
        category=tuple(document["category"]),
        rating=float(document["rating"]),
        rating_count=document["rating_count"],
    )
    return Product(content, document["version"])
