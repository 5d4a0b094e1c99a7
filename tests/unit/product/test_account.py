"""The catalogue logs in where its database has accounts, at that database and no other."""

from __future__ import annotations

from amazonlite.common.core.settings import MongoSettings
from amazonlite.product.store import account


def test_without_a_user_nobody_logs_in() -> None:
    assert account(MongoSettings(url="mongodb://mongodb:27017/")) == {}


def test_the_account_is_one_of_the_catalogues_own_database() -> None:
    mongo = MongoSettings(url="mongodb://mongodb:27017/", database="product", user="product", password="secret")
    assert account(mongo) == {"username": "product", "password": "secret", "authSource": "product"}
