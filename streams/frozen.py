"""A stage's state as bytes and back, to the bit: what a checkpoint keeps.

It is a pickle that is read with an allow-list: values of our pure packages, NumPy's arrays, and plain containers. Nothing
else is looked up, so that a file cannot name a function to be called. Arrays keep their layout in memory, and those that
share memory go on sharing it: sums over another layout would differ in their last bits.
"""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Callable, Collection, Mapping
from functools import partial
from types import MappingProxyType, MethodType
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

OURS = ("schemas.", "stats.", "streams.detect.", "streams.attribute.", "streams.alert.", "streams.merge.")
OTHERS = frozenset(
    {
        ("builtins", "complex"),
        ("builtins", "range"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "time"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("msgspec._utils", "rebuild"),
        ("numpy", "dtype"),
        ("numpy._core.multiarray", "scalar"),
    }
)
Array = NDArray[Any]


class FreezeError(Exception):
    """A state holds what cannot be kept."""


class ThawError(Exception):
    """The bytes hold something that no state of ours holds."""


def _whole(data: bytes, dtype: str, shape: tuple[int, ...], order: str) -> Array:
    array = np.frombuffer(bytearray(data), dtype=dtype)
    return array.reshape(shape, order="F" if order == "F" else "C")


def _view(base: Array, dtype: str, shape: tuple[int, ...], strides: tuple[int, ...], offset: int) -> Array:
    flat: Any = base.reshape(-1, order="A")
    return np.ndarray(shape, dtype, buffer=flat, offset=offset, strides=strides)


def _zone(key: str) -> ZoneInfo:
    return ZoneInfo(key)


def _reduced(array: Array) -> tuple[Callable[..., Array], tuple[object, ...]]:
    if array.dtype.hasobject or array.dtype.names is not None:
        raise pickle.PicklingError(f"an array of {array.dtype} is no part of a state")
    base = array.base
    if isinstance(base, np.ndarray) and array.size and base.flags.forc and base.dtype.names is None:
        offset = array.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        return _view, (base, array.dtype.str, array.shape, array.strides, offset)
    order = "F" if array.flags.fnc else "C"
    return _whole, (array.tobytes(order), array.dtype.str, array.shape, order)  # type: ignore[arg-type]


def _reduced_zone(zone: ZoneInfo) -> tuple[Callable[[str], ZoneInfo], tuple[str]]:
    return _zone, (zone.key,)


def _refused(call: object) -> NoReturn:
    # Written it could be, but never read again: a checkpoint of no use.
    raise pickle.PicklingError(f"a {type(call).__name__} is no part of a state")


REDUCED: Mapping[type, Callable[[Any], Any]] = MappingProxyType(
    {
        **copyreg.dispatch_table,
        np.ndarray: _reduced,
        ZoneInfo: _reduced_zone,
        partial: _refused,
        MethodType: _refused,
    }
)


class _Thawer(pickle.Unpickler):
    def __init__(self, data: bytes, modules: Collection[str]) -> None:
        super().__init__(io.BytesIO(data))
        self._modules = modules

    def find_class(self, module: str, name: str) -> Any:
        """Only what :data:`OTHERS` names, and classes that a pure module of ours defines itself."""
        if module == __name__ and name in ("_whole", "_view", "_zone"):
            return globals()[name]
        if (module, name) in OTHERS:
            return super().find_class(module, name)
        if "." not in name and (f"{module}.".startswith(OURS) or module in self._modules):
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise ThawError(f"it names {module}.{name}, which is no part of a state")


def freeze(state: object) -> bytes:
    """The bytes of one workspace's state.

    Raises:
        FreezeError: the state holds what cannot be kept.
    """
    buffer = io.BytesIO()
    freezer = pickle.Pickler(buffer, protocol=5)
    freezer.dispatch_table = REDUCED
    try:
        freezer.dump(state)
    except Exception as error:
        raise FreezeError(f"the state cannot be kept ({type(error).__name__}: {error})") from error
    return buffer.getvalue()


def thaw(data: bytes, *, modules: Collection[str] = ()) -> object:
    """The state again.

    Args:
        data: What :func:`freeze` gave.
        modules: Further modules whose own classes a state may hold, by their full names.

    Raises:
        ThawError: the bytes are damaged, or hold what no state holds.
    """
    try:
        return _Thawer(data, modules).load()
    except ThawError:
        raise
    except Exception as error:
        raise ThawError(f"it cannot be read ({type(error).__name__}: {error})") from error
