"""What Gleaner is measured against: the ways in which others choose, on the same frames with the same model.

A way is made for one run and asked round by round: `choose(frames of the round)` gives the indices of the frames
whose labels it spends, in the order they came. It sees the model's probabilities and features, never the truth.
"""

import numpy as np

DUPLICATE_DISTANCE = 0.12


class Seen:
    """What a way sees of a round."""

    def __init__(self, learner, frames):
        self.probabilities = learner.probabilities(frames)
        self.features = learner.features(frames)
        self.count = len(frames)

    @property
    def margin(self):
        best = np.sort(self.probabilities, 1)
        return 1 - (best[:, -1] - best[:, -2])


class Way:
    def __init__(self, share, random):
        self.share, self.random = share, random


class Random(Way):
    def choose(self, seen):
        return np.where(self.random.random(seen.count) < self.share)[0]


class Periodic(Way):
    offered = 0

    def choose(self, seen):
        marks = np.floor((self.offered + np.arange(seen.count + 1)) * self.share)
        self.offered += seen.count
        return np.where(np.diff(marks) > 0)[0]


class Bank:
    """Features of what was chosen; distances in units of the median between two frames."""

    def __init__(self, random):
        self.random, self.rows, self.count, self.scale = random, np.zeros((0, 0), "f4"), 0, None

    def begin(self, features):
        if self.scale is None:
            pairs = self.random.integers(0, len(features), (2, 400))
            self.scale = float(np.median(((features[pairs[0]] - features[pairs[1]]) ** 2).sum(1)))
            self.rows = np.zeros((20_000, features.shape[1]), "f4")

    def distance(self, row):
        if not self.count:
            return np.inf
        return float(((self.rows[: self.count] - row) ** 2).sum(1).min()) / self.scale

    def add(self, row):
        self.rows[self.count] = row
        self.count += 1


class RandomDeduplicated(Way):
    """Chance among the frames that show nothing like what was chosen; the budget's line decides how many."""

    def __init__(self, share, random):
        super().__init__(share, random)
        self.bank = Bank(random)
        self.credit, self.passed = 0.0, 1.0

    def choose(self, seen):
        self.bank.begin(seen.features)
        chosen = []
        for index, row in enumerate(seen.features):
            self.credit += self.share
            fresh = self.bank.distance(row) > DUPLICATE_DISTANCE
            self.passed += ((1.0 if fresh else 0.0) - self.passed) / 400
            chance = self.share / max(self.passed, self.share) * (1 + max(self.credit, 0) / 10)
            if fresh and self.credit > -1 and self.random.random() < chance:
                self.credit -= 1
                self.bank.add(row)
                chosen.append(index)
        return np.array(chosen, int)


class FixedConfidence(Way):
    """The first frames of less than 0.6 confidence, up to the round's allowance."""

    def choose(self, seen):
        unsure = np.where(seen.probabilities.max(1) < 0.6)[0]
        return unsure[: round(self.share * seen.count)]


class ThresholdWithLimits(Way):
    """Close to a threshold, by chance, and so many an hour: the settings of Roboflow's active learning."""

    def choose(self, seen):
        hours = 8
        allowance = max(1, round(self.share * seen.count / hours))
        chosen = []
        for hour in np.array_split(np.arange(seen.count), hours):
            close = hour[np.abs(seen.probabilities[hour].max(1) - 0.5) < 0.2]
            chosen += close[self.random.random(len(close)) < 0.3][:allowance].tolist()
        return np.array(chosen, int)


class Diversity(Way):
    """Frames farther from all that was chosen than a distance that follows a target ratio: LightlyEdge's adaptive
    diversity."""

    def __init__(self, share, random):
        super().__init__(share, random)
        self.bank, self.limit = Bank(random), 0.5

    def choose(self, seen):
        self.bank.begin(seen.features)
        chosen = []
        for index, row in enumerate(seen.features):
            taken = self.bank.distance(row) > self.limit
            if taken:
                self.bank.add(row)
                chosen.append(index)
            # In the mean it stands still when the target share is taken.
            self.limit *= np.exp(0.05 * ((1.0 if taken else 0.0) - self.share))
        return np.array(chosen, int)


class PoolMargin(Way):
    """Sees the whole round before it chooses: the bound for what can be done with margin and deduplication."""

    def __init__(self, share, random):
        super().__init__(share, random)
        self.bank = Bank(random)

    def choose(self, seen):
        self.bank.begin(seen.features)
        chosen = []
        for index in np.argsort(-seen.margin):
            if len(chosen) == round(self.share * seen.count):
                break
            if self.bank.distance(seen.features[index]) > DUPLICATE_DISTANCE:
                self.bank.add(seen.features[index])
                chosen.append(index)
        return np.sort(np.array(chosen, int))


class PlainMargin(Way):
    """The smallest margins of the whole round, whatever they show: uncertainty sampling as textbooks have it."""

    def choose(self, seen):
        return np.sort(np.argsort(-seen.margin)[: round(self.share * seen.count)])


class ScikitActiveml(Way):
    """A strategy of scikit-activeml's stream package, with its own budget manager."""

    strategy = None

    def __init__(self, share, random):
        super().__init__(share, random)
        from skactiveml.stream import Split, StreamDensityBasedAL, VariableUncertainty

        kinds = {"variable": VariableUncertainty, "split": Split, "density": StreamDensityBasedAL}
        self.query = kinds[self.strategy](budget=share, random_state=int(random.integers(1 << 31)))

    def choose(self, seen):
        chosen = []
        for index in range(seen.count):
            classifier = _Fixed(seen.probabilities[index])
            row = seen.features[index : index + 1]
            taken = self.query.query(candidates=row, clf=classifier, fit_clf=False)
            self.query.update(candidates=row, queried_indices=taken)
            chosen += [index] * len(taken)
        return np.array(chosen, int)


class VariableUncertainty(ScikitActiveml):
    strategy = "variable"


class Split(ScikitActiveml):
    strategy = "split"


class StreamDensity(ScikitActiveml):
    strategy = "density"


def _Fixed(row):
    """A classifier in scikit-activeml's sense that says what our model said."""
    from skactiveml.base import SkactivemlClassifier

    class Fixed(SkactivemlClassifier):
        def fit(self, X, y, sample_weight=None):
            return self

        def predict_proba(self, X):
            return np.repeat(row[None], len(X), 0)

        def predict(self, X):
            return np.full(len(X), row.argmax())

    fixed = Fixed(classes=list(range(len(row))))
    fixed.classes_ = np.arange(len(row))
    fixed.n_features_in_ = None
    return fixed


WAYS = {
    "random": Random, "periodic": Periodic, "random+dedup": RandomDeduplicated, "conf<0.6": FixedConfidence,
    "threshold+limits": ThresholdWithLimits, "diversity": Diversity, "skactiveml variable": VariableUncertainty,
    "skactiveml split": Split, "skactiveml density": StreamDensity, "plain margin": PlainMargin,
    "pool margin+dedup": PoolMargin,
}
