"""Algorithm 35 in linear space, one pair at a time in Python floats: u, the temperatures and the gradient."""

import math

import torch


class Anchors:
    """One direction: the anchors of a table, with the temperatures "none", "global", "individual" or "predicted"."""

    def __init__(self, kind, gamma, *, start=0.1, rho=0.3, low=0.05, high=0.7, lr=0.01, beta=0.9):
        self.kind, self.gamma, self.start = kind, gamma, start
        self.rho, self.low, self.high, self.lr, self.beta = rho * (kind != "none"), low, high, lr, beta
        self.u, self.tau, self.smooth = {}, {}, {}

    def step(self, items, gaps, given=None):
        """The mean loss, d loss / d gap of each pair, and d loss / d tau of each row, from lists of each row's gaps."""
        kept = [i for i, own in enumerate(gaps) if own]
        keys = {i: items[i] if self.kind == "individual" else 0 for i in kept}
        tau = {i: self.tau.get(keys[i], self.start) if given is None else given[i] for i in kept}
        means = {}
        for i in kept:
            means.setdefault(items[i], []).append(sum(math.exp(g / tau[i]) for g in gaps[i]) / len(gaps[i]))
        for item, own in means.items():
            mean = sum(own) / len(own)
            self.u[item] = (1 - self.gamma) * self.u.get(item, mean) + self.gamma * mean
        loss, slopes, weights = 0.0, {}, [[0.0] * len(own) for own in gaps]
        for i in kept:
            level, size = math.log(self.u[items[i]]), len(gaps[i])
            share = [math.exp(g / tau[i]) / self.u[items[i]] / size for g in gaps[i]]
            loss += tau[i] * (level + self.rho) / len(kept)
            weights[i] = [p / len(kept) for p in share]
            slopes[i] = level + self.rho - sum(p * g / tau[i] for p, g in zip(share, gaps[i], strict=True))
        if self.kind in ("global", "individual"):
            for key in dict.fromkeys(keys.values()):
                own = [slopes[i] for i in kept if keys[i] == key]
                z, before = sum(own) / len(own), self.tau.get(key, self.start)
                self.smooth[key] = (1 - self.beta) * self.smooth.get(key, z) + self.beta * z
                change = max(-0.3 * before, min(0.3 * before, self.lr * self.smooth[key]))
                self.tau[key] = min(max(before - change, self.low), self.high)
        return loss, weights, {i: slopes[i] / len(kept) for i in kept}


def unit(z):
    return z / z.norm(dim=-1, keepdim=True)


def gradient(z, slope):
    """The gradient for vectors before normalisation, from that for unit vectors: (slope - h (h . slope)) / |z|."""
    h = unit(z)
    return (slope - h * (h * slope).sum(-1, keepdim=True)) / z.norm(dim=-1, keepdim=True)


def towers(one, two, z1, z2, index1, index2, given=(None, None)):
    """A step of two towers: the sum of both directions, and the gradients for z1, z2 and both taus."""
    h1, h2 = unit(z1), unit(z2)
    s = (h1 @ h2.t()).tolist()
    size = len(s)
    others = [[j for j in range(size) if index1[j] != index1[i] and index2[j] != index2[i]] for i in range(size)]
    pull = torch.zeros(size, size, dtype=torch.float64)
    loss, taus = 0.0, []
    for direction, (anchors, items, tau) in enumerate(zip((one, two), (index1, index2), given, strict=True)):
        row = (lambda i, j: (i, j)) if direction == 0 else (lambda i, j: (j, i))
        gaps = [[s[row(i, j)[0]][row(i, j)[1]] - s[i][i] for j in others[i]] for i in range(size)]
        value, weights, slopes = anchors.step(items, gaps, tau)
        loss += value
        taus.append(torch.tensor([slopes.get(i, 0.0) for i in range(size)], dtype=torch.float64))
        for i in range(size):
            for j, weight in zip(others[i], weights[i], strict=True):
                pull[row(i, j)] += weight
                pull[i, i] -= weight
    return loss, gradient(z1, pull @ h2), gradient(z2, pull.t() @ h1), *taus


def views(anchors, z, index, tau=None):
    """A step over [B, V, P] views of each item: the loss and the gradients for the views and for tau."""
    h = unit(z)
    size, count, _ = h.shape
    s = torch.einsum("avp,bwp->avbw", h, h).tolist()
    pull = torch.zeros(size, count, size, count, dtype=torch.float64)
    inside = anchors.kind != "none"
    gaps, pairs, outside = [], [], 0.0
    for i in range(size):
        gaps.append([])
        pairs.append([])
        for v in range(count):
            positive = sum(s[i][v][i][w] for w in range(count) if w != v) / (count - 1)
            outside += positive / (size * count)
            for j in range(size):
                for w in range(count) if index[j] != index[i] else ():
                    gaps[i].append(s[i][v][j][w] - positive * inside)
                    pairs[i].append((v, j, w))
    loss, weights, slopes = anchors.step(index, gaps, tau)
    for i in range(size):
        for (v, j, w), weight in zip(pairs[i], weights[i], strict=True):
            pull[i, v, j, w] += weight
            for other in range(count) if inside else ():
                if other != v:
                    pull[i, v, i, other] -= weight / (count - 1)
        for v in range(count) if not inside else ():
            for w in range(count):
                if w != v:
                    pull[i, v, i, w] -= 1 / (size * count * (count - 1))
    slope = torch.einsum("avbw,bwp->avp", pull, h) + torch.einsum("avbw,avp->bwp", pull, h)
    own = torch.tensor([slopes.get(i, 0.0) for i in range(size)], dtype=torch.float64)
    return loss - (0 if inside else outside), gradient(z, slope), own
