"""Errors of the libraries for buckets: whether they may pass, and what they mean in one line."""

import re
from collections.abc import Iterator

MISSING = {"404", "NoSuchKey", "NoSuchBucket", "NotFound"}
NOT_ALLOWED = {"401", "403", "AccessDenied", "Forbidden", "Unauthorized"}
PASSING_STATUS = {408, 425, 429}  # of HTTP, besides 500 and more
NO_CREDENTIALS = {
    "NoCredentialsError",
    "PartialCredentialsError",
    "DefaultCredentialsError",
    "ProfileNotFound",
    "CredentialUnavailableError",
}
REFUSED_CREDENTIALS = {
    "ClientAuthenticationError",
    "RefreshError",
    "TokenRetrievalError",
    "UnauthorizedSSOTokenError",
}
WRONG_NAME = {"ParamValidationError", "InvalidURL", "InvalidUrlClientError", "NonHttpUrlClientError"}
ANONYMOUS = (
    "Anonymous caller",
    "Must provide either a connection_string or account_name",
)  # of Google, adlfs
SECRETS = re.compile(
    r"[?&][^\s'\"]*|(?<=://)[^/\s]*@|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|(?:AccountKey|SharedAccessSignature)=[^;\s]*"
)
LONGEST = 200  # characters of a library's own text


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


def may_pass(error: BaseException) -> bool:
    """Say whether the same request may succeed later."""
    status = _status(error)
    if status is not None:
        return status >= 500 or status in PASSING_STATUS
    if isinstance(error, ValueError | TypeError | AttributeError | NotImplementedError):
        return False
    return not any(type(each).__name__ in NO_CREDENTIALS | WRONG_NAME for each in _chain(error))


def reason_of(error: BaseException) -> str:
    """Return what an error means, without addresses that may hold secrets."""
    if isinstance(error, FileNotFoundError) and error.__cause__ is not None:
        error = error.__cause__
    kinds = {type(each).__name__ for each in _chain(error)}
    if kinds & NO_CREDENTIALS or any(text in str(error) for text in ANONYMOUS):
        return "no credentials were found in the environment or a profile"
    if is_forbidden(error):
        return "access is denied to these credentials"
    if isinstance(error, TimeoutError) or any("Timeout" in kind for kind in kinds):
        return "the server does not answer"
    status = _status(error)
    text = getattr(error, "strerror", None) or getattr(error, "message", None) or str(error)
    text = SECRETS.sub("", " ".join(str(text).split()))[:LONGEST] or type(error).__name__
    code = f"HTTP {status}" if status else _code(error)
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
    """Return the status of a web server's answer, which aiohttp keeps in its error."""
    for each in _chain(error):
        status = getattr(each, "status", None) or getattr(each, "status_code", None)
        if isinstance(status, int) and status >= 400:
            return status
    return None


def _is_forbidden_by_google(error: BaseException) -> bool:
    """Return whether it is the error that gcsfs makes of the status 403, which it does not keep."""
    return type(error) is OSError and str(error).startswith("Forbidden: ")


def _code(error: BaseException) -> str:
    """Return the code of an answer of S3, as botocore keeps it, or of Google's."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            return str(response.get("Error", {}).get("Code", ""))
    return str(getattr(error, "code", ""))
