"""Ranking losses, one query and one pair at a time in Python floats: states and explicit gradients."""

import math

import torch

LN2 = math.log(2)


def softplus(s):
    return max(s, 0.0) + math.log1p(math.exp(-abs(s)))


def ell(s):
    """The logistic surrogate with ℓ(0) = 1, and its slope."""
    return softplus(s) / LN2, 1 / (1 + math.exp(-s)) / LN2


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def ideal(relevance, k=None):
    best = sorted((2**y - 1 for y in relevance if y > 0), reverse=True)[:k]
    return sum(g / math.log2(2 + place) for place, g in enumerate(best))


class Reference:
    """A loss of lists whose sizes are known, with the state of Algorithm 33.

    Args:
        size: n of each query.
        relevant: n⁺ of each query.
        norm: Z of each query, or Σy for "listwise".
        kind: ndcg, practical, full, ranks, recall, threshold or listwise.
    """

    def __init__(self, size, relevant, norm, kind, gamma=0.3, k=5, kappa=2.0, eta=0.1, temperature=0.1, ridge=1e-6):
        self.size, self.relevant, self.norm, self.kind = size, relevant, norm, kind
        self.gamma, self.k, self.kappa, self.eta, self.temperature, self.ridge = (
            gamma,
            k,
            kappa,
            eta,
            temperature,
            ridge,
        )
        self.u, self.level, self.threshold = {}, {}, {}

    def step(self, scores, labels, index, task=0):
        n, n_pos = self.size[task], self.relevant[task]
        known = [j for j, y in enumerate(labels) if y == y]
        own = [j for j in known if labels[j] > 0]
        rest = [j for j in known if labels[j] == 0]
        b_pos, b_neg, b = len(own), len(rest), len(known)
        if not own or (b == 1 and n > 1):
            return None
        # what each row stands for, in the whole list and in the list without an item of its own
        alone = not rest and n > n_pos
        share = dict.fromkeys(own, n / b if alone else n_pos / b_pos) | dict.fromkeys(rest, (n - n_pos) / max(b_neg, 1))
        fellow = (n - 1) / max(b - 1, 1) if alone else (n_pos - 1) / max(b_pos - 1, 1)
        other = (n - 1) / max(b - 1, 1) if b_pos == 1 < n_pos else (n - n_pos) / max(b_neg, 1)
        z = [0.0] * len(scores)
        if self.kind == "listwise":
            return self._listwise(scores, labels, own, share, z, task)
        ranks, slopes = {}, {}
        for i in own:
            ranks[i], slopes[i] = 1.0, {}
            for j in known:
                if j != i:
                    weight = fellow if labels[j] > 0 else other
                    value, slope = ell(scores[j] - scores[i])
                    ranks[i] += weight * value
                    slopes[i][j] = weight * slope
        if self.kind != "threshold":
            ranks = self._track(ranks, index, own, task)
        margin, moves = self._margins(scores, own, share, task) if n > self.k else ({}, {})
        loss = 0.0
        for i in own:
            each = n_pos / b_pos
            if self.kind in ("recall", "threshold"):
                each /= n_pos
            else:
                each *= (2 ** labels[i] - 1) / self.norm[task]
            value, by_rank, by_margin = self._part(ranks[i], margin.get(i), n > self.k)
            loss -= each * value
            for j, slope in slopes[i].items():
                z[j] -= each * by_rank * slope
                z[i] += each * by_rank * slope
            if by_margin:
                z[i] -= each * by_margin
                for j, move in moves.items():
                    z[j] += each * by_margin * move
        return loss, z

    def _part(self, u, margin, long):
        """The value of a relevant item, and its derivatives in the rank and in the margin."""
        k, kappa = self.k, self.kappa
        discount = 1 / math.log2(1 + u)
        slope = -LN2 / (1 + u) / math.log1p(u) ** 2
        if self.kind == "ndcg" or (not long and self.kind in ("practical", "full", "ranks")):
            return discount, slope, 0.0
        if self.kind in ("recall", "threshold") and not long:
            return 1.0, 0.0, 0.0
        if self.kind == "recall":
            c = (k + 0.5) ** 2
            return c / (c + u * u), -2 * u * c / (c + u * u) ** 2, 0.0
        if self.kind == "ranks":
            psi = sigmoid(kappa * (k + 0.5 - u))
            return psi * discount, psi * slope - kappa * psi * (1 - psi) * discount, 0.0
        psi = sigmoid(kappa * margin)
        inner = kappa * psi * (1 - psi)
        if self.kind == "threshold":
            return psi, 0.0, inner
        return psi * discount, psi * slope, inner * discount if self.kind == "full" else 0.0

    def _track(self, ranks, index, own, task):
        estimates = {}
        for i in own:
            estimates.setdefault((index[i], task), []).append(ranks[i])
        for key, values in estimates.items():
            new = sum(values) / len(values)
            self.u[key] = min((1 - self.gamma) * self.u.get(key, new) + self.gamma * new, math.exp(10) * new)
        return {i: self.u[index[i], task] for i in own}

    def _margins(self, scores, own, share, task):
        if self.kind not in ("practical", "full", "threshold"):
            return {}, {}
        smooth = self.kind != "practical"
        known, n, mass = list(share), self.size[task], self.k + 0.5
        spread = [scores[j] for j in known]
        old = self.threshold.get(task)
        far = 2 * (max(spread) - min(spread)) + 5 / self.kappa
        if old is None or old > max(spread) + far or old < min(spread) - far:
            old = self._start(scores, share, mass, smooth)

        def above(j):
            return sigmoid((scores[j] - old) / self.temperature) if smooth else float(scores[j] > old)

        total = sum(share.values())
        rate = sum(share[j] * above(j) for j in known) / total - mass / n - smooth * self.ridge * old
        self.threshold[task] = old + self.eta * rate
        moves = {}
        if smooth:
            omega = {j: share[j] * above(j) * (1 - above(j)) / self.temperature for j in known}
            moves = {j: omega[j] / (sum(omega.values()) + self.ridge * total) for j in known}
        return {i: scores[i] - old for i in own}, moves

    def _start(self, scores, share, mass, smooth):
        if not smooth:
            reached = 0.0
            for j in sorted(share, key=lambda j: -scores[j]):
                reached += share[j]
                if reached >= mass:
                    break
            return scores[j]
        low, high = min(scores) - 10, max(scores) + 10
        for _ in range(100):
            middle = (low + high) / 2
            total = sum(w * sigmoid((scores[j] - middle) / self.temperature) for j, w in share.items())
            total -= mass + self.ridge * sum(share.values()) * middle
            low, high = (middle, high) if total > 0 else (low, middle)
        return low

    def _listwise(self, scores, labels, own, share, z, task):
        centre = sum(scores[i] for i in own) / len(own)
        terms = {j: w * math.exp(scores[j] - centre) for j, w in share.items()}
        g = sum(terms.values())
        u = self.gamma * g + (1 - self.gamma) * self.level.get(task, g)
        self.level[task] = u
        loss = math.log(u) + centre
        for j, term in terms.items():
            z[j] += term / u
        for i in own:
            weight = self.relevant[task] / len(own) * labels[i] / self.norm[task]
            z[i] += (1 - g / u) / len(own) - weight
            loss -= weight * scores[i]
        return loss, z

    def tables(self):
        if self.kind == "listwise":
            return []
        return [("track", {key: [u] for key, u in self.u.items()}, lambda row: row.view(1))] if self.u else []


def graded(steps=40, size=9, items=15, queries=4):
    """Batches with missing labels, duplicates and relevance up to 3, one of whose queries is rarely relevant."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        index = torch.randint(items, (size,), generator=generator)
        logits = torch.randn(size, queries, dtype=torch.float64, generator=generator)
        target = (torch.rand(size, queries, generator=generator) < 0.35) * torch.randint(
            1, 4, (size, queries), generator=generator
        )
        target = target.double()
        target[torch.rand(size, queries, generator=generator) < 0.3] = float("nan")
        target[1:, 3] = 0
        yield logits, target, index
