"""Makes epsilon.csv and erfcx.csv beside this file: the accountant's formula in 80-digit arithmetic (mpmath)."""
from pathlib import Path

from mpmath import erfc, exp, mp, mpf, nstr, sqrt

mp.dps = 80
HERE = Path(__file__).parent


def tail(x):
    return erfc(-x / sqrt(mpf(2))) / 2


def delta_of(epsilon, mu):
    return tail(-epsilon / mu + mu / 2) - exp(epsilon) * tail(-epsilon / mu - mu / 2)


def epsilon_of(mu, delta):
    if delta_of(mpf(0), mu) <= delta:
        return mpf(0)
    low, high = mpf(0), mu * (40 + mu / 2)
    while high - low > mpf(10) ** -32 * high:
        middle = (low + high) / 2
        low, high = (low, middle) if delta_of(middle, mu) <= delta else (middle, high)
    return high


with open(HERE / "epsilon.csv", "w") as out:
    out.write("# mu, delta, epsilon: see epsilon.py\n")
    for mantissa in ("1", "1.7", "3.1", "7.3"):
        for power in range(-6, 4):
            for delta in ("1e-30", "1e-15", "1e-10", "1e-8", "1e-6", "1e-5", "1e-4", "1e-3", "0.01", "0.1", "0.5", "0.99"):
                # The floats that Rust will read, not the decimals.
                mu, d = mpf(float(f"{mantissa}e{power}")), mpf(float(delta))
                out.write(f"{mantissa}e{power},{delta},{nstr(epsilon_of(mu, d), 25)}\n")

with open(HERE / "erfcx.csv", "w") as out:
    out.write("# x, exp(x*x)*erfc(x): see epsilon.py\n")
    points = [mpf(k) / 8 for k in range(-8, 60)] + [mpf(k) for k in (8, 10, 20, 50, 100, 1000, 10**5, 10**7)]
    for x in points:
        value = exp(x * x) * erfc(x) if x < 1000 else 1 / (x * sqrt(mp.pi)) * (1 - 1 / (2 * x**2) + 3 / (4 * x**4) - 15 / (8 * x**6))
        out.write(f"{nstr(x, 20)},{nstr(value, 25)}\n")
