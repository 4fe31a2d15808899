"""Elementary functions in plain IEEE arithmetic: the same bits on every machine, and loops over them become vector instructions.

The C library's functions differ in the last bit between its versions and NumPy's between processors;
these use additions, multiplications, divisions and shifts only, and no branch.  Errors stay below two units in the last
place (tests/unit/test_maths.py).  Polynomials of `log` and `turn`: FreeBSD msun (e_log.c, k_sin.c, k_cos.c);
`exp` is a Taylor series of degree 13 on |r| < ln(2) / 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from influence_sim.jit import hot, inner

_ROUND = 6755399441055744.0  # 1.5 x 2^52: added to a small number it leaves the nearest integer in the lowest bits
_ROUND_BITS = 0x4338000000000000
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # the first has trailing zeros
_ROOT_HALF_BITS = 0x3FE6A09E667F3BCD
_TURN = 6.283185307179586
Array = np.ndarray[Any, Any]


@inner
def exp(x):
    """Return e to the power x; 0 below -708, infinity above 709."""
    inside = min(max(x, -708.0), 709.0)
    shifted = inside * 1.4426950408889634 + _ROUND
    k = shifted - _ROUND
    r = (inside - k * _LN2_HIGH) - k * _LN2_LOW
    p = 1.6059043836821613e-10
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 0.0001984126984126984
    p = p * r + 0.001388888888888889
    p = p * r + 0.008333333333333333
    p = p * r + 0.041666666666666664
    p = p * r + 0.16666666666666666
    p = p * r + 0.5
    p = 1.0 + (r + r * r * p)
    # k times the weight of an exponent's last bit, added to the bits of p, multiplies by 2^k.
    bits = np.float64(p).view(np.int64) + (np.float64(shifted).view(np.int64) << np.int64(52))
    value = np.int64(bits).view(np.float64)
    value = 0.0 if x < -708.0 else value
    return np.inf if x > 709.0 else value


@inner
def log(x):
    """Return the natural logarithm of a normal number; minus infinity at 0 and below."""
    bits = np.float64(x).view(np.int64)
    k = (bits - np.int64(_ROOT_HALF_BITS)) >> np.int64(52)
    m = np.int64(bits - (k << np.int64(52))).view(np.float64)  # x / 2^k, in [sqrt(1/2), sqrt(2))
    e = np.int64(k + np.int64(_ROUND_BITS)).view(np.float64) - _ROUND  # k as a float
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    odd = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01))
    even = 2.857142874366239149e-01 + w * (1.818357216161805012e-01 + w * 1.479819860510658591e-01)
    even = z * (6.666666666666735130e-01 + w * even)
    half = 0.5 * f * f
    value = e * _LN2_HIGH - ((half - (s * (half + (odd + even)) + e * _LN2_LOW)) - f)
    return value if x > 0.0 else -np.inf


@inner
def power(x, y):
    """Return x to the power y for x >= 0."""
    return 1.0 if y == 0.0 else exp(y * log(x))


@inner
def turn(u):
    """Return (cosine, sine) of u whole turns, 0 <= u <= 1."""
    shifted = 4.0 * u + _ROUND
    quarter = np.float64(shifted).view(np.int64) & np.int64(3)
    r = (u - 0.25 * (shifted - _ROUND)) * _TURN
    z = r * r
    s = -2.50507602534068634195e-08 + z * 1.58969099521155010221e-10
    s = -1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 + z * s)
    s = r + r * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 + z * s))
    c = 2.08757232129817482790e-09 + z * -1.13596475577881948265e-11
    c = -1.38888888888741095749e-03 + z * (2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07 + z * c))
    c = 1.0 - 0.5 * z + z * z * (4.16666666666666019037e-02 + z * c)
    odd = quarter & np.int64(1)
    cosine = s if odd else c
    sine = c if odd else s
    cosine = -cosine if (quarter == 1) | (quarter == 2) else cosine
    sine = -sine if quarter >= 2 else sine
    return cosine, sine


@inner
def log1p(x):
    """Return log(1 + x) without losing small x (Kahan's quotient)."""
    y = 1.0 + x
    return x if y == 1.0 else log(y) * x / (y - 1.0)


@inner
def expm1(x):
    """Return exp(x) - 1 without losing small x (Kahan's quotient)."""
    y = exp(x)
    if y == 1.0:
        return x
    return y - 1.0 if x < -30.0 or x > 30.0 else (y - 1.0) * x / log(y)


@hot
def _exp_rows(x, out):
    for j in range(len(x)):
        out[j] = exp(x[j])


@hot
def _log_rows(x, out):
    for j in range(len(x)):
        out[j] = log(x[j])


def exp_of(x: Any) -> Array:
    """Return `exp` of every entry of an array or number."""
    return _rows(_exp_rows, x)


def log_of(x: Any) -> Array:
    """Return `log` of every entry of an array or number."""
    return _rows(_log_rows, x)


def power_of(x: Any, y: Any) -> Array:
    """Return x to the power y, entry by entry, for x >= 0; 0 to the power 0 is 1."""
    y = np.asarray(y, np.float64)
    with np.errstate(invalid="ignore"):
        return np.where(y == 0.0, 1.0, exp_of(y * log_of(x)))


def _rows(function: Any, x: Any) -> Array:
    x = np.asarray(x, np.float64)
    out = np.empty(x.shape)
    function(np.ascontiguousarray(x).reshape(-1), out.reshape(-1))
    return out
