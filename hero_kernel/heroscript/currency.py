"""Amounts of money, and what a currency is worth in US dollars."""

from __future__ import annotations

import re
from dataclasses import dataclass

PER_USD = {
    "USD": 1.0,
    "AED": 3.673042,
    "AUD": 1.481262,
    "BRL": 5.611304,
    "CAD": 1.37705,
    "CHF": 0.857219,
    "CNY": 7.066204,
    "CZK": 23.126804,
    "DKK": 6.821304,
    "EGP": 48.517284,
    "EUR": 0.86,
    "GBP": 0.765169,
    "HKD": 7.76988,
    "HUF": 366.890388,
    "IDR": 15569.15,
    "ILS": 3.75883,
    "INR": 84.13735,
    "JPY": 149.13904,
    "KES": 129.000351,
    "KRW": 1349.320383,
    "MAD": 9.803504,
    "MXN": 19.279335,
    "MYR": 4.287504,
    "NGN": 1640.000344,
    "NOK": 10.696745,
    "NZD": 1.636822,
    "PHP": 57.230375,
    "PLN": 3.922272,
    "RON": 4.548504,
    "RUB": 95.676332,
    "SAR": 3.755532,
    "SEK": 10.371445,
    "SGD": 1.305104,
    "THB": 33.155038,
    "TRY": 34.281704,
    "TWD": 32.178804,
    "TZS": 2725.000335,
    "UAH": 41.204244,
    "UGX": 3677.388953,
    "VND": 24820.0,
    "ZAR": 17.409585,
}
"""How much of a currency one US dollar buys.

Rates of October 2024 (the euro: August 2025), from herolib `lib/data/currency/data.v`; for
estimates, never refreshed.
"""

IN_USD = {"TFT": 0.01, "XLM": 0.46, "USDC": 1.0, "BTC": 115_000.0, "ETH": 3_750.0}
"""What one unit of a currency costs in US dollars; herolib's prices of August 2025."""

_SIGNS = {"$": "USD", "£": "GBP", "€": "EUR"}
_SCALE = {"": 1.0, "K": 1e3, "M": 1e6}
_NUMBER = r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))"
_AMOUNT = re.compile(rf"(?P<before>[A-Z]*){_NUMBER}(?P<after>%|[A-Z]*)")
_ACCEPTED = "a number with a currency, such as 10USD, EUR 5, €5 or 10kusd"


@dataclass(frozen=True, slots=True)
class Amount:
    """A sum of money in one currency."""

    value: float
    currency: str = "USD"

    @property
    def usd_rate(self) -> float:
        """What one unit of the currency is worth in US dollars; see the tables for their dates."""
        if self.currency in IN_USD:
            return IN_USD[self.currency]
        return 1 / PER_USD[self.currency]

    @property
    def usd(self) -> float:
        """The whole amount in US dollars."""
        return self.value * self.usd_rate

    def __str__(self) -> str:
        return f"{self.value:g} {self.currency}"


def parse_amount(text: str) -> Amount:
    """Read an amount; raises ValueError with what is accepted."""
    short = re.sub("[_, ]", "", text.upper())
    for sign, code in _SIGNS.items():
        short = short.replace(sign, code)
    match = _AMOUNT.fullmatch(short)
    if match is None or (match["before"] and match["after"] not in {"", "K", "M"}):
        raise ValueError(_ACCEPTED)
    value = float(match["number"])
    if match["after"] == "%":
        return Amount(value / 100)
    scale, code = _scale_and_code(match["after"])
    if match["before"]:
        extra, code = _scale_and_code(match["before"])
        scale *= extra
    if code not in PER_USD and code not in IN_USD:
        raise ValueError(f"{_ACCEPTED}; {code} is no currency we know")
    return Amount(value * scale, code)


def _scale_and_code(code: str) -> tuple[float, str]:
    if code in _SCALE:
        return _SCALE[code], "USD"
    if code not in PER_USD and code not in IN_USD and code[0] in "KM":
        return _SCALE[code[0]], code[1:]
    return 1.0, code
