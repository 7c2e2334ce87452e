"""A change fails between two of its steps: what is served, and what the next start finds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from membrowse.index.index import Index
from tests.index import factories
from tests.index.factories import BUDGET, DIMENSION, RECIPE, change, encode, encoder_inputs, removal
from tests.index.store_agreement import assert_stores_agree

ROOT = Path(__file__).parents[2]


class Fault(OSError):
    """Like a full disk."""


class FaultyIndex(Index):
    """Fails once, at the step with a given number."""

    fail_at = -1

    def _fault_point(self, step: str) -> None:
        super()._fault_point(step)
        self.fail_at -= 1
        if self.fail_at == 0:
            raise Fault(step)


@pytest.fixture
def faulty(directory: Path) -> Iterator[FaultyIndex]:
    index = FaultyIndex(directory, RECIPE, token_budget=BUDGET, dimension=DIMENSION)
    assert isinstance(index, FaultyIndex)
    with closing(index):
        index.open_chroma()
        index.apply([change("a.md", "one", "two"), change("b.md", "three")])
        factories.encode_all(index)
        yield index


def edit(index: Index) -> None:
    changes = [change("a.md", "one", "new"), removal("b.md"), change("c.md", "three", "four")]
    encoded = encode(encoder_inputs(index, [part for one in changes for part in one.chunks]))
    index.apply(changes, encoded, "float32")


def add_vectors(index: Index) -> None:
    index.apply([change("c.md", "four", "five")])
    factories.encode_all(index)


def clear(index: Index) -> None:
    index.clear(RECIPE)
    index.apply([change("a.md", "one", "two")])


STEPS = {edit: 6, add_vectors: 8, clear: 6}


@pytest.mark.parametrize(
    ("work", "step"), [(work, step) for work, most in STEPS.items() for step in range(1, most + 1)]
)
def test_a_change_may_fail_at_any_step(
    faulty: FaultyIndex, directory: Path, work: Callable[[Index], None], step: int
) -> None:
    before = faulty.generation
    faulty.fail_at = step
    with pytest.raises(Fault):
        work(faulty)
    served = faulty.generation
    assert len(served.keyword.postings("body", "one")[0]) == len(
        [part for part in served.chunks if part.text == "one"]
    )
    assert [part.text for part in before.chunks] == ["one", "two", "three"]
    with closing(factories.opened_copy(directory)) as reopened:
        assert_stores_agree(reopened)
    faulty.apply([change("z.md", "after all")])
    assert_stores_agree(faulty)
    assert "after all" in [part.text for part in faulty.generation.chunks]


def test_no_step_is_left_out(faulty: FaultyIndex) -> None:
    for work, most in STEPS.items():
        faulty.fail_at = most + 1
        try:
            work(faulty)
        except Fault:
            pytest.fail(f"{work.__name__} has more steps than are tested")


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tests.index import factories
from tests.index.factories import change
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
index = factories.opened(Path(sys.argv[1]))
before = index.generation
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    index.apply([change("big.md", *(f"block {n} " * 200 for n in range(300)))])
except Exception as error:
    print(type(error).__name__)
else:
    print("no error")
assert index.generation is before
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
index.apply([change("c.md", "room again")])
assert index.check() == []
assert [part.text for part in index.generation.chunks] == ["one", "room again"]
index.close()
"""


@pytest.mark.parametrize("limit", [4096, 40_000, 150_000, 200_000])
def test_the_index_survives_a_full_disk(directory: Path, limit: int) -> None:
    with closing(factories.opened(directory)) as index:
        index.apply([change("a.md", "one")])
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(directory), str(limit)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in {"OSError", "OperationalError"}
    with closing(factories.opened(directory)) as index:
        assert_stores_agree(index)
