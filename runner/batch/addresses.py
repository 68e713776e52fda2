"""A path, or an address such as `s3://bucket/name` -> its bytes."""

from pathlib import Path

from ..problems import Problem


class Unreachable(Exception):
    """A file that cannot be read, with the reason in words."""


def is_remote(address: str) -> bool:
    """Whether an address names something that is no file of this machine."""
    return "://" in address


def within(address: str, folder: str) -> str:
    """An address that is written in a file of `folder`: a relative path begins there."""
    if is_remote(address) or Path(address).is_absolute():
        return address
    return f"{folder.rstrip('/')}/{address}" if is_remote(folder) else str(Path(folder) / address)


def folder_of(address: str) -> str:
    """The folder that a file lies in."""
    return address.rpartition("/")[0] if is_remote(address) else str(Path(address).resolve().parent)


def content_of(address: str) -> bytes:
    """All bytes at an address. Raises Unreachable, and Problem where the client for such addresses is not there."""
    files = filesystem_client() if is_remote(address) else None
    try:
        if files is not None:
            with files.open(address, "rb") as file:
                return file.read()
        return Path(address).read_bytes()
    except ImportError as error:
        raise Problem(f"{address} cannot be read: {error}.", f"install it beside fsspec, {CURE}") from error
    # Object stores raise what they like: botocore's and aiohttp's errors are no OSError.
    except Exception as error:
        raise Unreachable(f"{address} cannot be read ({type(error).__name__}: {error})") from error


CURE = "or give paths of this machine."


def filesystem_client() -> object:
    """The module fsspec. Raises Problem where it is not installed."""
    try:
        import fsspec
    except ImportError as error:
        raise Problem(
            "Addresses such as s3://bucket/name are read and written by fsspec, which this Python lacks.",
            f"install fsspec for it with the client of that store, {CURE}",
        ) from error
    return fsspec
