"""The algorithms of the constraints in Python floats: values, explicit gradients and states."""


def penalty(kind, g, epsilon=0.01):
    """f(g) and f'(g)."""
    if g <= 0:
        return 0.0, 0.0
    if kind == "squared_hinge":
        return g * g / 2, g
    if kind == "hinge" or g >= epsilon:
        return (g, 1.0) if kind == "hinge" else (g - epsilon / 2, 1.0)
    return g * g / (2 * epsilon), g / epsilon


class Tracked:
    """u ← (1−γ) u + γ ĝ, and ĝ itself at the first touch."""

    def __init__(self, gamma):
        self.gamma, self.u = gamma, {}

    def step(self, key, value):
        self.u[key] = (1 - self.gamma) * self.u[key] + self.gamma * value if key in self.u else value
        return self.u[key]
