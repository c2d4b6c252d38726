from __future__ import annotations

from pathlib import Path

from tests.conformance.differences import rewritten

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "builtin.md"


def test_the_document_has_the_table_of_now() -> None:
    text = DOCUMENT.read_text()
    assert rewritten(text) == text, "run: python -m tests.conformance.differences docs/builtin.md"
