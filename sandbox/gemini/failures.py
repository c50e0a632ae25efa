"""The refusals that magic words ask for, with the details Google sends along."""

from sandbox.gemini.problems import Detail, GoogleError, Page
from sandbox.gemini.words import Name

QUOTA_MESSAGE = "You exceeded your current quota, please check your plan and billing details."
HELP: Detail = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [
        {"description": "Learn more about quotas", "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}
    ],
}
OVERLOADED = (503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
REFUSALS = {
    Name.UNAVAILABLE: OVERLOADED,
    Name.MIDSTREAM_503: OVERLOADED,
    Name.TAIL_503: OVERLOADED,
    Name.REGION: (400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    Name.BILLING: (403, "PERMISSION_DENIED", "This API method requires billing to be enabled."),
    Name.RATE_LIMITED: (429, "RESOURCE_EXHAUSTED", f"{QUOTA_MESSAGE} Please retry in 2s."),
    Name.RATE_LIMITED_BARE: (429, "RESOURCE_EXHAUSTED", QUOTA_MESSAGE),
    Name.RATE_LIMITED_DAY: (429, "RESOURCE_EXHAUSTED", QUOTA_MESSAGE),
    Name.BAD_REQUEST: (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    Name.FORBIDDEN: (403, "PERMISSION_DENIED", "The caller does not have permission."),
    Name.INTERNAL: (500, "INTERNAL", "An internal error has occurred. Please retry or report it."),
}

PAGES = {
    Name.PAGE_400: (400, "Bad Request"),
    Name.PAGE_404: (404, "Not Found"),
    Name.PAGE_502: (502, "Bad Gateway"),
}


def refusal(name: Name, model: str) -> GoogleError | None:
    """Build the refusal that a word names; None if the word is no refusal."""
    if name in PAGES:
        return Page(*PAGES[name])
    if name not in REFUSALS:
        return None
    code, status, message = REFUSALS[name]
    return GoogleError(code, status, message, _details(name, model))


def _details(name: Name, model: str) -> list[Detail] | None:
    match name:
        case Name.RATE_LIMITED:
            return [_quota_failure("PerMinute", model, 60), HELP, _retry_info("2s")]
        case Name.RATE_LIMITED_DAY:
            return [_quota_failure("PerDay", model, 1500), HELP, _retry_info("43200s")]
        case Name.BILLING:
            return [_error_info("BILLING_DISABLED")]
        case _:
            return None


def _quota_failure(period: str, model: str, limit: int) -> Detail:
    return {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [
            {
                "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
                "quotaId": f"GenerateRequests{period}PerProjectPerModel",
                "quotaDimensions": {"location": "global", "model": model},
                "quotaValue": str(limit),
            }
        ],
    }


def _error_info(reason: str) -> Detail:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }


def _retry_info(delay: str) -> Detail:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
