"""The client of each kind of store, with time limits, and without what its library would do by itself.

Credentials, endpoints and proxies are those of each library: environment and profiles.
"""

import logging
from functools import lru_cache
from typing import Any

from crackscan.basics.errors import MissingExtra, Unreadable
from crackscan.reading.remote.reasons import reason_of

CONNECTIONS = 64  # to one store at once
CONNECT_SECONDS, ANSWER_SECONDS = 10, 30
LOGGERS = ("s3fs", "gcsfs", "azure", "asyncio")  # print warnings, also of what is tried again


@lru_cache(maxsize=8)
def open_store(scheme: str) -> Any:
    """Return the file system of a scheme. It tries each request once: `stores.attempt` tries again.

    Raises:
        MissingExtra: its library is not installed.
        Unreadable: it cannot be used, for example because it lacks credentials.
    """
    for name in LOGGERS:  # a program that has handlers of its own still gets these messages
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        return {"s3": _s3, "gs": _google, "az": _azure}.get(scheme, _web)()
    except ImportError as error:
        missing = getattr(error.__cause__ or error, "name", None) or "another library"
        raise MissingExtra(
            f'{scheme}://: needs {missing}; install the extra: pip install "crackscan[cloud]".'
        ) from error
    except Exception as error:  # each library has errors of its own
        raise Unreadable(reason_of(error)) from error


def _open(scheme: str, **options: Any) -> Any:
    import fsspec

    return fsspec.filesystem(scheme, use_listings_cache=False, skip_instance_cache=True, **options)


def _s3() -> Any:
    limits = {"connect_timeout": CONNECT_SECONDS, "read_timeout": ANSWER_SECONDS}
    once = {"retries": {"total_max_attempts": 1}}
    store = _open("s3", config_kwargs={"max_pool_connections": CONNECTIONS, **once, **limits})
    store.retries = 1
    return store


def _google() -> Any:
    # not the class that gcsfs registers, which asks for each object of what kind its bucket is
    from gcsfs.core import GCSFileSystem

    class OnceFileSystem(GCSFileSystem):  # type: ignore[misc]
        _request = GCSFileSystem._request.__wrapped__  # noqa: SLF001 - without its six attempts
        _get_file_request = GCSFileSystem._get_file_request.__wrapped__  # noqa: SLF001

    return OnceFileSystem(
        use_listings_cache=False,
        skip_instance_cache=True,
        requests_timeout=_limits(),
        session_kwargs={"trust_env": True},
    )


def _azure() -> Any:
    store = _open("az")
    store.service_client._config.retry_policy.total_retries = 0  # noqa: SLF001 - no option leads there
    return store


def _web() -> Any:
    return _open("https", client_kwargs={"timeout": _limits(), "trust_env": True})


def _limits() -> Any:
    from aiohttp import ClientTimeout

    return ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS)
