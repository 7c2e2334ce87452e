"""The log as far as it is loaded: pages from the newest recall on, and what came since."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.wire.recalls import RecallPage, RecallSummary


@dataclass(slots=True)
class LogPages:
    """The recalls that a filter selects, newest first, without gaps."""

    recalls: tuple[RecallSummary, ...] = ()
    newest: RecallPage | None = None
    """The first page as it was last, with the counts; None: not loaded."""
    next: str = ""
    """Where the next page begins; empty if there is none."""

    def restart(self) -> None:
        """Forget the recalls: the filter has changed."""
        self.recalls, self.next = (), ""

    def add_newest(self, page: RecallPage) -> None:
        """Take the first page, again perhaps; recalls that are loaded already stay below it."""
        overlap = {recall.id for recall in page.recalls} & {recall.id for recall in self.recalls}
        older = self._older_than(page) if overlap else ()
        if not older:
            self.next = page.next
        self.recalls, self.newest = (*page.recalls, *older), page

    def add_older(self, page: RecallPage) -> None:
        """Take the page that begins at `next`, or again the last one taken."""
        fresh = {recall.id: recall for recall in page.recalls}
        known = tuple(fresh.pop(recall.id, recall) for recall in self.recalls)
        self.recalls, self.next = (*known, *fresh.values()), page.next

    def _older_than(self, page: RecallPage) -> tuple[RecallSummary, ...]:
        """The loaded recalls after the last one of the first page."""
        last = page.recalls[-1].id
        places = [at for at, recall in enumerate(self.recalls) if recall.id == last]
        return self.recalls[places[0] + 1 :] if places else ()
