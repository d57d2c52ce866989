"""The emulator, and the fixtures that the plugin adds to pytest."""

from __future__ import annotations

import json
import urllib.error
from pathlib import Path

import pytest

import solform

SEED = {"solutions": [{"name": "Form", "version": "0.0.1", "owner": "ann"}]}
PATH = "/api/v2/solutions/deployed?state=ACTIVE"


def test_an_emulator_serves_until_the_block_ends(tmp_path: Path) -> None:
    with solform.Emulator(seed=SEED, profile="aihub") as emulator:
        assert "Form" in str(emulator.request("GET", PATH))
    with pytest.raises(urllib.error.URLError):
        emulator.request("GET", PATH)
    # A stopped one can be started again.
    with emulator:
        assert "Form" in str(emulator.request("GET", PATH))

    seed = tmp_path / "seed.yaml"
    seed.write_text(json.dumps(SEED))
    with solform.Emulator(seed=seed, faults=["operation=list_solutions,status=403"]) as emulator:
        with pytest.raises(urllib.error.HTTPError, match="403"):
            emulator.request("GET", PATH)


def test_a_bad_seed_is_reported() -> None:
    with pytest.raises(solform.SolformError, match="solutoins"):
        solform.Emulator(seed={"solutoins": []}).start()
    with pytest.raises(solform.SolformError, match="nobody"):
        solform.Emulator(profile="nobody").start()


def test_an_emulator_starts_once() -> None:
    with solform.Emulator() as emulator, pytest.raises(RuntimeError):
        emulator.start()


def test_the_fixtures_need_no_configuration(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def solform_seed():
            return {"solutions": [{"name": "Form", "version": "0.0.1", "owner": "ann"}]}

        def test_seed(solform_emulator):
            page = solform_emulator.request("GET", "/api/v2/solutions/deployed?state=ACTIVE")
            assert "Form" in str(page)

        def test_factory(solform_emulator_factory):
            first, second = solform_emulator_factory(), solform_emulator_factory(profile="aihub")
            assert first.url != second.url
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)
