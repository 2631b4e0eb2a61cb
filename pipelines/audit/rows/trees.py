"""What the source columns say about an outcome: small boosted trees, each row predicted by trees that never saw it.

Steps (a filter by length or reward) are what trees are made of, and a split is only made where it is beyond chance, so
that a corpus drawn at random gets a constant. Boosting after Friedman 2001 ("Greedy function approximation"), with
histograms as in LightGBM (Ke et al. 2017); cross-fitting after Chernozhukov et al. 2018.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 64
DEPTH = 3
ROUNDS = 24
RATE = 0.5
LEAST_LEAF = 10
SPLIT = 14.0  # squared t of a split, the best of up to a thousand
EXPLAINED = 1e-6  # of the variance: what is left of a step is not worth another tree
FOLDS = 2
MOST_ROWS = 200_000  # that a fit looks at; more say little more


@dataclass(frozen=True, slots=True)
class Covariates:
    """What may explain: numeric columns (n each, NaN for unknown) and categories (codes, n each), by name."""

    numeric: dict[str, np.ndarray]
    categorical: dict[str, np.ndarray]

    def where(self, rows: np.ndarray) -> Covariates:
        """The same for some of the rows, without columns that are constant there."""
        numeric = {k: v[rows] for k, v in self.numeric.items()}
        categorical = {k: v[rows] for k, v in self.categorical.items()}
        return Covariates(
            {k: v for k, v in numeric.items() if len(v) and _varies(v)},
            {k: v for k, v in categorical.items() if len(v) and v.min() != v.max()},
        )

    def only(self, names: tuple[str, ...]) -> Covariates:
        return Covariates(
            {k: v for k, v in self.numeric.items() if k in names},
            {k: v for k, v in self.categorical.items() if k in names},
        )

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.numeric, *self.categorical)


def _varies(values: np.ndarray) -> bool:
    known = values[~np.isnan(values)]
    return bool(len(known)) and (len(known) < len(values) or bool(known.min() != known.max()))


@dataclass(frozen=True, slots=True)
class Binned:
    """Numeric columns in at most BINS steps (0: unknown), ready for every outcome that is fitted on these rows."""

    numeric: np.ndarray  # n x columns
    categorical: tuple[np.ndarray, ...]
    names: tuple[str, ...]


def bin_columns(covariates: Covariates) -> Binned:
    coded = [_bins(v) for v in covariates.numeric.values()]
    rows = len(next(iter((*covariates.numeric.values(), *covariates.categorical.values())), ()))
    numeric = np.stack(coded, axis=1) if coded else np.zeros((rows, 0), np.int64)
    return Binned(numeric, tuple(covariates.categorical.values()), covariates.names)


def _bins(values: np.ndarray) -> np.ndarray:
    """Steps of equal counts, or one for each distinct value where there are few; a border never cuts equal values."""
    known = ~np.isnan(values)
    distinct = np.unique(values[known])
    if len(distinct) > BINS - 1:
        distinct = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS)[:-1], method="higher"))
    codes = np.searchsorted(distinct, values, side="right")
    return np.where(known, np.minimum(codes, BINS - 1), 0).astype(np.int64)


def cross_fit(binned: Binned, outcome: np.ndarray, cluster: np.ndarray) -> np.ndarray:
    """For each row (n) the outcome that rows of other clusters make one expect."""
    overall = np.full(len(outcome), outcome.mean() if len(outcome) else 0.0)
    columns = binned.numeric.shape[1] + len(binned.categorical)
    if not columns or not len(outcome) or outcome.min() == outcome.max():
        return overall
    if any(_decides(codes, outcome) for codes in binned.categorical):
        return outcome.astype(float)
    fold = _folds(cluster)
    fitted = overall
    for held in range(FOLDS):
        seen, unseen = fold != held, fold == held
        if not seen.any() or not unseen.any():
            continue
        codes = np.concatenate([binned.numeric, *_ranked(binned.categorical, outcome, seen)], axis=1)
        looked = np.flatnonzero(seen)[:: -(-int(seen.sum()) // MOST_ROWS)]
        fitted[unseen] = _boost(codes[looked], outcome[looked], codes[unseen])
    return fitted


def _decides(category: np.ndarray, outcome: np.ndarray) -> bool:
    """Whether each category has one outcome only, and rows enough for that to mean something."""
    known, first, code = np.unique(category, return_index=True, return_inverse=True)
    return len(known) * LEAST_LEAF <= len(outcome) and np.array_equal(outcome[first][code], outcome)


def _folds(cluster: np.ndarray) -> np.ndarray:
    """Whole clusters, spread evenly without regard to their order."""
    _, code = np.unique(cluster, return_inverse=True)
    spread = (code.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)
    return (spread % np.uint64(FOLDS)).astype(np.int64)


def _ranked(categorical: tuple[np.ndarray, ...], outcome: np.ndarray, seen: np.ndarray) -> list[np.ndarray]:
    """Categories in the order of their outcome among the rows seen, so that one cut splits them best (Breiman 1984)."""
    columns = []
    overall = outcome[seen].mean()
    for codes in categorical:
        size = int(codes.max()) + 2
        count = np.bincount(codes[seen] + 1, minlength=size)
        total = np.bincount(codes[seen] + 1, weights=outcome[seen], minlength=size)
        mean = (total + overall) / (count + 1)  # a category that was not seen is ordinary
        order = np.argsort(np.argsort(mean, kind="stable"), kind="stable")
        columns.append((order * BINS // max(size, BINS))[codes + 1][:, None].astype(np.int64))
    return columns


def _boost(codes: np.ndarray, outcome: np.ndarray, others: np.ndarray) -> np.ndarray:
    rows, columns = codes.shape
    base = codes + np.arange(columns) * BINS
    here, there = _Flat(codes), _Flat(others)
    mean = outcome.mean()
    residual, predicted = outcome - mean, np.full(len(others), mean)
    enough = EXPLAINED * (residual @ residual)
    for _ in range(ROUNDS):
        if residual @ residual <= enough:
            break
        node, other = np.zeros(rows, np.int64), np.zeros(len(others), np.int64)
        grew = False
        for level in range(DEPTH):
            feature, cut, good = _splits(base, node, residual, 1 << level, columns)
            if not good.any():
                feature[:], cut[:] = 0, BINS  # nobody goes right
            else:
                grew = True
                cut = np.where(good, cut, BINS)
            node = 2 * node + (here.of(feature[node]) > cut[node])
            other = 2 * other + (there.of(feature[other]) > cut[other])
        if not grew:
            break
        leaves = 1 << DEPTH
        count = np.bincount(node, minlength=leaves)
        value = RATE * np.bincount(node, weights=residual, minlength=leaves) / np.maximum(count, 1)
        residual = residual - value[node]
        predicted += value[other]
    return predicted


class _Flat:
    """Codes (rows x columns) laid out so that one column for each row is quickly taken."""

    def __init__(self, codes: np.ndarray) -> None:
        self._codes = codes.astype(np.uint8).ravel()
        self._starts = np.arange(len(codes)) * codes.shape[1]

    def of(self, column: np.ndarray) -> np.ndarray:
        return self._codes.take(self._starts + column)


def _splits(
    base: np.ndarray, node: np.ndarray, residual: np.ndarray, nodes: int, columns: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The best cut of each node: (column, last bin that goes left, whether it is beyond chance)."""
    width = columns * BINS
    flat = (base + (node * width)[:, None]).ravel()
    count = np.bincount(flat, minlength=nodes * width).reshape(nodes, columns, BINS).cumsum(axis=2)
    total = np.bincount(flat, weights=np.repeat(residual, columns), minlength=nodes * width)
    total = total.reshape(nodes, columns, BINS).cumsum(axis=2)
    n, s = count[:, :, -1:], total[:, :, -1:]
    right, rest = n - count, s - total
    allowed = (count >= LEAST_LEAF) & (right >= LEAST_LEAF)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain = np.where(allowed, total**2 / count + rest**2 / right - s**2 / n, 0.0)
    gain = gain.reshape(nodes, width)
    best = gain.argmax(axis=1)
    most = gain[np.arange(nodes), best]
    squares = np.bincount(node, weights=residual**2, minlength=nodes)
    size = n[:, 0, 0]
    noise = np.maximum(squares - most - s[:, 0, 0] ** 2 / np.maximum(size, 1), 0.0) / np.maximum(size, 1)
    return best // BINS, best % BINS, (most > SPLIT * noise) & (most > 0)
