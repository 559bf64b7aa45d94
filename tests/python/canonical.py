"""One text for each Kusto value, so that two values are equal exactly if their texts are.

Nothing is rounded: datetimes keep their seven digits, decimals and numbers inside of dynamics all
of theirs, reals their 64 bits (a negative zero differs from zero; one NaN equals another).
"""

import decimal
import json
import math
import re
import struct
import uuid
from typing import Callable

NULL = "null"
_DECIMALS = decimal.Context(prec=200)


class ExactFloat(str):
    """A JSON number with a fraction or an exponent, as it was written."""


class NegativeZero(int):
    """The JSON number `-0`, which is a zero with a sign where a real is meant."""


def exact_int(text: str) -> int:
    """A JSON number without fraction, of any size."""
    return NegativeZero(0) if text == "-0" else int(text)


def _bool(value) -> str:
    if value is True or value == 1:
        return "true"
    if value is False or value == 0:
        return "false"
    raise ValueError(f"not a bool: {value!r}")


def _integer(value) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"not an integer: {value!r}")
    return str(int(value))


_NAMED_REALS = {
    "NaN": math.nan,
    "Infinity": math.inf,
    "+Infinity": math.inf,
    "-Infinity": -math.inf,
}


def _real(value) -> str:
    if isinstance(value, NegativeZero):
        number = -0.0
    elif isinstance(value, (ExactFloat, int)) and not isinstance(value, bool):
        number = float(value)
    elif value in _NAMED_REALS:
        number = _NAMED_REALS[value]
    else:
        raise ValueError(f"not a real: {value!r}")
    return "NaN" if math.isnan(number) else struct.pack(">d", number).hex()


def _number(text: str) -> str:
    """A decimal number's value: 2.50 is 2.5."""
    number = decimal.Decimal(text)
    if not number.is_finite():
        raise ValueError(f"not a number: {text!r}")
    return str(number.normalize(_DECIMALS)) if number else "0"


def _decimal(value) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"not a decimal: {value!r}")
    return _number(str(value))


_DATETIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,7}))?Z")


def _datetime(value) -> str:
    match = _DATETIME.fullmatch(value)
    if not match:
        raise ValueError(f"not a datetime: {value!r}")
    return f"{match[1]}.{(match[2] or '').ljust(7, '0')}Z"


_TIMESPAN = re.compile(r"(-)?(?:(\d+)\.)?(\d\d):(\d\d):(\d\d)(?:\.(\d{1,7}))?")


def _timespan(value) -> str:
    match = _TIMESPAN.fullmatch(value)
    if not match:
        raise ValueError(f"not a timespan: {value!r}")
    sign, days, hours, minutes, seconds, fraction = match.groups()
    whole = ((int(days or 0) * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    ticks = whole * 10_000_000 + int((fraction or "").ljust(7, "0"))
    return str(-ticks if sign else ticks)


def _guid(value) -> str:
    return str(uuid.UUID(value))


def _string(value) -> str:
    if not isinstance(value, str) or isinstance(value, ExactFloat):
        raise ValueError(f"not a string: {value!r}")
    return value


def _dynamic(value) -> str:
    """Bags without the order of their keys; 1 and 1.0 differ, as they do for gettype()."""
    if isinstance(value, ExactFloat):
        return f"real {_number(value)}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return f"long {int(value)}"
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list):
        return f"[{','.join(map(_dynamic, value))}]"
    if isinstance(value, dict):
        pairs = (f"{json.dumps(key)}:{_dynamic(item)}" for key, item in sorted(value.items()))
        return f"{{{','.join(pairs)}}}"
    raise ValueError(f"not a JSON value: {value!r}")


_BY_TYPE: dict[str, Callable] = {
    "bool": _bool,
    "datetime": _datetime,
    "decimal": _decimal,
    "dynamic": _dynamic,
    "guid": _guid,
    "int": _integer,
    "long": _integer,
    "real": _real,
    "string": _string,
    "timespan": _timespan,
}


def canonical(value, kusto_type: str) -> str:
    """The text of a value of one of the ten scalar types; ValueError if it cannot be one.

    Kusto has no null string, so a null and an empty string are one value.
    """
    convert = _BY_TYPE.get(kusto_type)
    if convert is None:
        raise ValueError(f"unknown type {kusto_type!r}")
    if value is None:
        return "s:" if kusto_type == "string" else NULL
    try:
        return "s:" + convert(value) if kusto_type == "string" else convert(value)
    except (TypeError, AttributeError, decimal.InvalidOperation) as error:
        raise ValueError(f"not a {kusto_type}: {value!r}") from error
