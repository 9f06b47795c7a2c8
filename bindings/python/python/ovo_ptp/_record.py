"""The base of every value that the library hands out: frozen, comparable, picklable, matchable.

Written by hand instead of with `dataclasses`, whose import alone takes longer than all of this
package's.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true; importing `typing` costs more than we do
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ClassVar

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[type], type]:
        """Means something to type checkers only."""
        return lambda cls: cls


@dataclass_transform(frozen_default=True)
class Record:
    """A value with named fields that never change.

    Fields are the names in `__slots__`, those of the bases first, in the order of their types.
    Those in `_defaults` may be left out. Fields in `_private` hold personal data: they take no part
    in comparing, printing and pickling. Those in `_beside` take no part in comparing.
    """

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, Any]] = {}
    _private: ClassVar[frozenset[str]] = frozenset()
    _beside: ClassVar[frozenset[str]] = frozenset()

    if not TYPE_CHECKING:  # type checkers are told by dataclass_transform

        def __init__(self, *values: object, **fields: object) -> None:
            put = object.__setattr__
            if len(values) > len(self.__match_args__):
                raise TypeError(f"{type(self).__name__}() takes {len(self.__match_args__)} values")
            for name, value in zip(self.__match_args__, values, strict=False):
                if name in fields:
                    raise TypeError(f"{type(self).__name__}() got {name} twice")
                fields[name] = value
            for name in self.__match_args__:
                if name in fields:
                    put(self, name, fields.pop(name))
                elif name in self._defaults:
                    put(self, name, self._defaults[name])
                else:
                    raise TypeError(f"{type(self).__name__}() needs {name}")
            if fields:
                raise TypeError(f"{type(self).__name__}() has no {', '.join(fields)}")

    def __init_subclass__(cls) -> None:
        fields: list[str] = []
        for base in reversed(cls.__mro__):
            fields += [name for name in base.__dict__.get("__slots__", ()) if name not in fields]
        cls.__match_args__ = tuple(fields)  # type: ignore[misc]

    def to_dict(self) -> dict[str, Any]:
        """The fields in JSON's types: for `json.dumps`, a queue, or a web framework's answer.

        Values within are dictionaries too, times are ISO 8601, and an outcome has its name beside
        its fields, under `outcome`. Personal data stays away.
        """
        return {
            name: _plain(getattr(self, name))
            for name in self.__match_args__
            if name not in self._private
        }

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be deleted")

    def _values(self) -> tuple[object, ...]:
        left_out = self._private | self._beside
        return tuple(getattr(self, name) for name in self.__match_args__ if name not in left_out)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        fields = (
            f"{name}={getattr(self, name)!r}"
            for name in self.__match_args__
            if name not in self._private
        )
        return f"{type(self).__name__}({', '.join(fields)})"

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        fields = {
            name: getattr(self, name) for name in self.__match_args__ if name not in self._private
        }
        return _restore, (type(self), fields)

    def __copy__(self) -> Record:
        return self

    def __deepcopy__(self, _memo: object) -> Record:
        return self


def _plain(value: Any) -> Any:
    """A field in JSON's types."""
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if hasattr(value, "isoformat"):
        return value.isoformat(timespec="milliseconds")
    return value


def _restore(cls: type[Record], fields: dict[str, object]) -> Record:
    return cls(**fields)
