import gzip
import json
from pathlib import Path

import pytest

from amazonlite.product.schemas import NewProduct
from amazonlite_cli.catalogue import source
from amazonlite_cli.catalogue.source import SAMPLE, CatalogueUnreadable, default_catalogue, read_catalogue

LINE = {
    "asin": "A1",
    "title": " Lamp ",
    "description": "",
    "bullet_points": "Bright",
    "price": 9.5,
    "category": ["Home"],
}


def written(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines))
    return path


def test_every_product_of_the_sample_is_one_the_catalogue_service_takes() -> None:
    entries = read_catalogue(SAMPLE)
    assert len(entries) == 60
    for entry in entries:
        NewProduct.model_validate(entry.product)


def test_gzipped_and_plain_are_the_same(tmp_path: Path) -> None:
    plain = written(tmp_path / "c.jsonl", json.dumps(LINE), "")
    zipped = tmp_path / "c.jsonl.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    assert read_catalogue(plain) == read_catalogue(zipped)


def test_a_row_becomes_a_product(tmp_path: Path) -> None:
    [entry] = read_catalogue(written(tmp_path / "c.jsonl", json.dumps(LINE)))
    assert entry.product == {
        "sku": "A1",
        "title": "Lamp",
        "description": "Bright",
        "brand": "",
        "color": "",
        "category": ["Home"],
        "price": {"amount": 950, "currency": "USD"},
        "rating": 0.0,
        "ratingCount": 0,
    }


def test_of_two_rows_with_one_id_the_later_counts(tmp_path: Path) -> None:
    path = written(tmp_path / "c.jsonl", json.dumps(LINE), json.dumps({**LINE, "title": "New"}))
    assert [entry.product["title"] for entry in read_catalogue(path)] == ["New"]


@pytest.mark.parametrize("line", ["{", "[]", '{"asin": "A1"}', '{"asin": 1, "title": "x"}', '{"asin": "\\ud800"}'])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    with pytest.raises(CatalogueUnreadable, match="line 2"):
        read_catalogue(written(tmp_path / "c.jsonl", json.dumps(LINE), line))


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueUnreadable, match="none"):
        read_catalogue(tmp_path / "none.jsonl")
    with pytest.raises(CatalogueUnreadable, match="cut"):
        read_catalogue(_cut(tmp_path / "cut.jsonl.gz"))


def _cut(path: Path) -> Path:
    path.write_bytes(gzip.compress(json.dumps(LINE).encode() * 100)[:-20])
    return path


def test_the_environment_names_the_file_then_the_checkouts_neighbour_then_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AMAZONLITE_CATALOGUE", "/somewhere.jsonl")
    assert default_catalogue() == Path("/somewhere.jsonl")
    monkeypatch.delenv("AMAZONLITE_CATALOGUE")
    monkeypatch.setattr(source, "BESIDE_CHECKOUT", written(tmp_path / "beside.jsonl"))
    assert default_catalogue() == tmp_path / "beside.jsonl"
    monkeypatch.setattr(source, "BESIDE_CHECKOUT", tmp_path / "none.jsonl")
    assert default_catalogue() == SAMPLE
