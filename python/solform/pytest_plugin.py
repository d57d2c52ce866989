"""Fixtures for pytest. The wheel registers them, so that a test only names them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Callable, Iterator, Optional

import pytest

from ._emulator import Emulator, Seed


@pytest.fixture
def solform_emulator_factory() -> Iterator[Callable[..., Emulator]]:
    """A function that starts emulators until the test ends, with the arguments of `Emulator`."""
    with ExitStack() as started:

        def start(**arguments: object) -> Emulator:
            return started.enter_context(Emulator(**arguments))  # type: ignore[arg-type]

        yield start


@pytest.fixture
def solform_seed() -> Optional[Seed]:
    """The seed of `solform_emulator`. Override it to begin with versions, packages or faults."""
    return None


@pytest.fixture
def solform_emulator(
    solform_emulator_factory: Callable[..., Emulator], solform_seed: Optional[Seed]
) -> Emulator:
    """An emulator whose jobs end after 50 ms."""
    return solform_emulator_factory(seed=solform_seed, job_time="50ms")
