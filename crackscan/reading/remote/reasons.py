"""Errors of the libraries for buckets: whether they may pass, and what they mean in one line."""

import re
from collections.abc import Iterator
from typing import Any

MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
NOT_ALLOWED = {"401", "403", "AccessDenied", "Forbidden", "Unauthorized"}
PASSING_STATUS = {408, 425, 429}  # of HTTP, besides 500 and more
PASSING = {
    "RequestTimeout",
    "SlowDown",
    "OperationAborted",
    "BadDigest",
    "IncompleteBody",
}  # S3 says so by 400
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}  # codes of S3
NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "DefaultCredentialsError",
    "ProfileNotFound",
    "CredentialUnavailableError",
}
REFUSED_CREDENTIALS = {
    "ClientAuthenticationError",
}
EXPIRED_CREDENTIALS = {"RefreshError", "TokenRetrievalError", "UnauthorizedSSOTokenError"}
WRONG_NAME = {"ParamValidationError", "InvalidURL", "InvalidUrlClientError", "NonHttpUrlClientError"}
ANONYMOUS = (
    "Anonymous caller",
    "Must provide either a connection_string or account_name",
)  # of Google, adlfs
SECRETS = re.compile(
    r"[?&][^\s'\"]*|(?<=://)[^/\s]*@|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|(?:AccountKey|SharedAccessSignature)=[^;\s]*"
)
LONGEST = 200  # characters of a library's own text
PLAIN = {  # codes of S3 whose meaning is not that of their status
    "InvalidObjectState": "it is in an archive of the store; restore it there first",
    "RequestTimeTooSkewed": "the clock of this machine is wrong",
    "PermanentRedirect": "its bucket is in another region; name that in AWS_DEFAULT_REGION",
}


def is_missing(error: BaseException) -> bool:
    """Say whether an error means that there is no such object or bucket."""
    if _status(error) is not None:
        return _status(error) in {404, 410}
    is_other = _is_of_network(error.__cause__)  # fsspec calls each error of a web server a missing file
    return (isinstance(error, FileNotFoundError) and not is_other) or _code(error) in MISSING


def is_forbidden(error: BaseException) -> bool:
    """Say whether the credentials do not allow a request."""
    refused = any(type(each).__name__ in REFUSED_CREDENTIALS for each in _chain(error))
    denied = _status(error) in {401, 403} or _code(error) in NOT_ALLOWED or _is_forbidden_by_google(error)
    return refused or denied or isinstance(error, PermissionError)


def is_expired(error: BaseException) -> bool:
    """Say whether the credentials were good once: then no request will succeed any more."""
    kinds = {type(each).__name__ for each in _chain(error)}
    return _code_of_s3(error) in EXPIRED or not kinds.isdisjoint(EXPIRED_CREDENTIALS)


def is_beyond_end(error: BaseException) -> bool:
    """Say whether a part was asked for that an object does not have."""
    return _status(error) == 416


def may_pass(error: BaseException) -> bool:
    """Say whether the same request may succeed later."""
    status = _status(error)
    if status is not None:
        return status >= 500 or status in PASSING_STATUS or _code_of_s3(error) in PASSING
    if isinstance(error, ValueError | TypeError | AttributeError | NotImplementedError):
        return False
    if _code_of_s3(error) in PLAIN:
        return False
    return not any(type(each).__name__ in NO_CREDENTIALS | WRONG_NAME for each in _chain(error))


def reason_of(error: BaseException) -> str:
    """Return what an error means, without addresses that may hold secrets."""
    if isinstance(error, FileNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    kinds = {type(each).__name__ for each in _chain(error)}
    if kinds & NO_CREDENTIALS or any(text in str(error) for text in ANONYMOUS):
        return "no credentials were found in the environment or a profile"
    if _code_of_s3(error) in PLAIN:
        return PLAIN[_code_of_s3(error)]
    if is_forbidden(error):
        return "access is denied to these credentials"
    if isinstance(error, TimeoutError) or any("Timeout" in kind for kind in kinds):
        return "the server does not answer"
    status = _status(error)
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    text = SECRETS.sub("", " ".join(str(text).split()))[:LONGEST] or type(error).__name__
    code = _code_of_s3(error) or (f"HTTP {status}" if status else _code(error))
    return f"{text} ({code})" if code else text


def _chain(error: BaseException) -> Iterator[BaseException]:
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__


def _is_of_network(error: BaseException | None) -> bool:
    is_missing_file = isinstance(error, FileNotFoundError)
    return type(error).__module__.startswith("aiohttp") or (
        isinstance(error, OSError) and not is_missing_file
    )


def _status(error: BaseException) -> int | None:
    """Return the status of a web server's answer, which aiohttp and botocore keep in their errors."""
    for each in _chain(error):
        status = getattr(each, "status", None) or getattr(each, "status_code", None)
        status = status or _answer_of_s3(each).get("ResponseMetadata", {}).get("HTTPStatusCode")
        if isinstance(status, int) and status >= 400:
            return status
    return None


def _is_forbidden_by_google(error: BaseException) -> bool:
    """Return whether it is the error that gcsfs makes of the status 403, which it does not keep."""
    return type(error) is OSError and str(error).startswith("Forbidden: ")


def _code(error: BaseException) -> str:
    """Return the code of an answer of S3, or of Google's."""
    return _code_of_s3(error) or str(getattr(error, "code", ""))


def _code_of_s3(error: BaseException) -> str:
    codes = (_answer_of_s3(each).get("Error", {}).get("Code") for each in _chain(error))
    return str(next(filter(None, codes), ""))


def _answer_of_s3(error: BaseException) -> dict[str, Any]:
    """Return the answer that botocore keeps in its error."""
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}
