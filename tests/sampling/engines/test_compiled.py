from xgraph.sampling.engines import compiled


def test_compiles_without_a_cache_folder(monkeypatch):
    real, asked = compiled.njit, []

    def njit(**options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(**options)

    monkeypatch.setattr(compiled, "njit", njit)
    double = compiled.compiled(lambda x: 2 * x)
    assert double(21) == 42
    assert [options.get("cache", False) for options in asked] == [True, False]
