"""Values that `parity.rs` is held against, from vectorbt itself: pip install vectorbt==1.2.0, then run this file."""

import pathlib

import numpy as np
import pandas as pd
import vectorbt as vbt

data = pathlib.Path(__file__).parent.parent / "data" / "daily"
read = lambda name: pd.read_csv(data / f"{name}.csv", parse_dates=["date"]).set_index("date")["close"]
close = pd.DataFrame({name: read(name) for name in ["ETH", "BTC"]}).loc["2020-01-01":"2020-12-31"]

for every, weights, fee, slippage in [
    (7, [0.5, 0.3], 0.001, 0.001),
    (30, [0.25, 0.25], 0.003, 0.0005),
    (1, [0.6, 0.35], 0.001, 0.001),
    (7, [0.6, 0.4], 0.001, 0.001),
    (30, [0.4, 0.6], 0.003, 0.0005),
    (1, [0.5, 0.5], 0, 0),
]:
    size = pd.DataFrame(np.nan, index=close.index, columns=close.columns)
    size.iloc[::every] = weights
    portfolio = vbt.Portfolio.from_orders(
        close, size=size, size_type="targetpercent", group_by=True, cash_sharing=True, call_seq="auto",
        fees=fee, slippage=slippage, init_cash=1_000_000, freq="1D",
    )
    value = portfolio.value()
    sharpe = portfolio.returns().vbt.returns(freq="1D", year_freq="365 days").sharpe_ratio()
    print(every, weights, *(repr(float(x)) for x in (value.iloc[0], value.iloc[100], value.iloc[-1], sharpe, portfolio.max_drawdown())))
