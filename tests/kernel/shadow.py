# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who made each page: a process's address space painted page by page from what it has logged of its own calls
(mapgen --log), so that each map the kernel lists has an owner that mmaptrace has had no part in finding.

Two things are left open, and such pages are `unsure`: what a map has grown over where it was is of who made the map
or of who made it grow; and a split whose first page has been unmapped or split again can't be told by its beginning."""

from collections import Counter

PAGE = 4096


class Split:
    """A call that has set a part of maps apart: told by where it began, like the call that joins it again."""

    def __init__(self, owner):
        self.owner = owner


class Page:
    def __init__(self, owner):
        self.owner = owner
        self.splits = []  # latest last
        self.unsure = False

    def top(self):
        return self.splits[-1].owner if self.splits else self.owner


def pages_of(start, length):
    return range(start // PAGE, (start + length + PAGE - 1) // PAGE)


class Shadow:
    """An owner is a pair: the operation, and the function that has called it."""

    def __init__(self):
        self.pages = {}
        self.splits = {}  # by their beginning

    # ---- what calls do ----

    def map(self, start, length, owner):
        for number in pages_of(start, length):
            self.pages[number] = Page(owner)

    def unmap(self, start, length, _owner=None):
        for number in pages_of(start, length):
            self.pages.pop(number, None)
        # What is left of a split begins elsewhere by now.
        self._doubt(self.splits.pop(start, None))

    def grow(self, start, length, owner):
        self.map(start, length, owner)
        for number in pages_of(start, length):
            self.pages[number].unsure = True

    def change(self, start, length, owner, delta):
        """More maps than before: it has set some apart. Fewer: what was set apart here is so no more."""
        if delta < 0:
            self._drop(self.splits.pop(start, None))
        if delta <= 0:
            return
        # Two that begin at one address are not told apart by whoever joins one of them again.
        self._doubt(self.splits.get(start))
        split = self.splits[start] = Split(owner)
        for number in pages_of(start, length):
            if number in self.pages:
                self.pages[number].splits.append(split)

    def _covered(self, split):
        return [page for page in self.pages.values() if split in page.splits] if split else []

    def _drop(self, split):
        for page in self._covered(split):
            page.splits.remove(split)

    def _doubt(self, split):
        for page in self._covered(split):
            page.unsure = True

    # ---- who owns what is there ----

    def live_counts(self, starts):
        """({owner: maps that begin in a page of his}, how many of these are of one of two)."""
        pages = [self.pages[start // PAGE] for start in starts if start // PAGE in self.pages]
        return Counter(page.top() for page in pages), sum(page.unsure for page in pages)


def replay(lines):
    """{pid: Shadow} of a log."""
    shadows, effects = {}, {}
    for line in lines:
        pid, word, *rest = line.split()
        shadow = shadows.setdefault(int(pid), Shadow())
        if word != "call":
            effects.setdefault(pid, []).append((word, int(rest[0], 16), int(rest[1], 16)))
            continue
        call, delta, function = rest
        for what, start, length in effects.pop(pid, []):
            owner = (call, function)
            if what == "change":
                shadow.change(start, length, owner, int(delta))
            else:
                getattr(shadow, what)(start, length, owner)
    return shadows
