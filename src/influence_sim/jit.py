"""Compile kernels with numba, cached under a digest of every engine source.

Numba's own cache does not notice an edit in an imported module, so the cache folder is named by
the digest of all sources that kernels can reach, the numba version and the processor.  With
`NUMBA_DISABLE_JIT=1` the same functions run interpreted (for coverage and debugging).
"""

from __future__ import annotations

import hashlib
import os
import platform
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

F = TypeVar("F", bound=Callable[..., Any])
_PACKAGE = Path(__file__).parent


def _digest() -> str:
    from importlib.metadata import version

    digest = hashlib.sha256(f"{version('numba')} {platform.machine()} {platform.python_version()}".encode())
    rooms = [
        _PACKAGE / "jit.py",
        _PACKAGE / "maths.py",
        _PACKAGE / "rng.py",
        *sorted((_PACKAGE / "engine").glob("*.py")),
        *sorted((_PACKAGE / "world").glob("*.py")),
    ]
    for path in rooms:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


CACHE_DIR = Path(os.environ.get("INFLUENCE_SIM_CACHE", platformdirs.user_cache_dir("influence-sim"))) / _digest()
# numba keeps a folder of its own for every place sources lie in: what another clone has compiled does not help this one.
_COMPLETE = CACHE_DIR / f"complete_{hashlib.sha256(str(_PACKAGE).encode()).hexdigest()[:16]}"
os.environ["NUMBA_CACHE_DIR"] = str(CACHE_DIR)  # must precede the import of numba

import llvmlite.ir as ir  # noqa: E402
import numba  # noqa: E402
from numba.core import cgutils, types  # noqa: E402
from numba.extending import intrinsic, overload  # noqa: E402

_OPTIONS: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}
_njit: Any = numba.njit  # its stubs do not know the options above


def kernel(function: F) -> F:
    """Compile `function` without the interpreter lock, IEEE arithmetic, cached on disk."""
    compiled: F = _njit(**_OPTIONS)(function)
    return compiled


def hot(function: F) -> F:
    """Compile like `kernel`, without reference counting: for functions that allocate no array.

    Counting references costs an atomic operation each time an array is taken out of a tuple,
    which was half of the time of serving a slot.
    """
    compiled: F = _njit(**_OPTIONS, _nrt=False)(function)
    return compiled


def inner(function: F) -> F:
    """Compile like `hot`, and put the code into every caller.

    A record of arrays is handed over as some hundred words: a call costs more than what most of these functions do.
    """
    compiled: F = _njit(**_OPTIONS, _nrt=False, forceinline=True)(function)
    return compiled


def prefetch(array: Any, index: Any) -> None:
    """Ask for the cache line of `array[index]`, so that it is there when it is read; changes no result and never faults."""


@intrinsic
def _ask(_: Any, array: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, of = signature.args
        words = cgutils.unpack_tuple(builder, arguments[1]) if isinstance(of, types.BaseTuple) else [arguments[1]]
        kinds = list(of) if isinstance(of, types.BaseTuple) else [of]  # type: ignore[call-overload]
        places = [context.cast(builder, x, k, types.intp) for x, k in zip(words, kinds, strict=True)]
        made = context.make_array(kind)(context, builder, arguments[0])
        byte, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        at = builder.bitcast(cgutils.get_item_pointer(context, builder, kind, made, places, wraparound=False), byte)
        shape = ir.FunctionType(ir.VoidType(), [byte, word, word, word])
        # To read, to be kept in all levels, data.
        builder.call(cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0"), [at, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, index), generate


@overload(prefetch, jit_options={"_nrt": False, "forceinline": True})  # type: ignore[typeddict-unknown-key]
def _prefetch(array, index):  # numba compares the names and annotations of both
    return lambda array, index: _ask(array, index)


_TAKING = threading.Lock()


def take(cursor: Any, size: int) -> int:
    """Return `cursor[0]` and move it by `size` in one step, so that threads never take the same piece of work.

    `cursor` is i8 (1,).
    """
    with _TAKING:  # compiled kernels have an atomic instruction instead
        low = int(cursor[0])
        cursor[0] += size
    return low


@intrinsic
def _take(_: Any, cursor: Any, size: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, arguments[0])
        step = context.cast(builder, arguments[1], signature.args[1], types.int64)
        return builder.atomic_rmw("add", made.data, step, "monotonic")

    return types.int64(cursor, size), generate


@overload(take, jit_options={"_nrt": False, "forceinline": True})  # type: ignore[typeddict-unknown-key]
def _overload_take(cursor, size):
    return lambda cursor, size: _take(cursor, size)


def is_cold() -> bool:
    """Tell whether the kernels of this installation, as its sources are now, were never compiled as a whole."""
    return not _COMPLETE.exists()


def mark_warm() -> None:
    """Remember that every kernel of this installation is compiled and cached."""
    CACHE_DIR.mkdir(parents=True, exist_ok=True)
    _COMPLETE.touch()
