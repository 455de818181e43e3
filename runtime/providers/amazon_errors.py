"""The names of AWS's errors, and the status that each of them means here.

They are those of docs.aws.amazon.com/bedrock/latest/APIReference, "Converse" and "Common errors".
"""

from __future__ import annotations

from collections.abc import Mapping

# After a failure inside the model the request may have been paid, whatever the status of the answer is.
AMAZON_STATUS = {
    "throttlingexception": 429,
    "modelnotreadyexception": 429,
    "servicequotaexceededexception": 429,
    "serviceunavailableexception": 503,
    "internalserverexception": 500,
    "modelerrorexception": 500,
    "modelstreamerrorexception": 500,
    "modeltimeoutexception": 504,
    "validationexception": 400,
    "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
    "expiredtokenexception": 401,
    "unrecognizedclientexception": 401,
    "invalidsignatureexception": 401,
    "incompletesignatureexception": 401,
    "missingauthenticationtokenexception": 401,
}


def amazon_name(headers: Mapping[str, str]) -> str:
    """Return the name of an error, which AWS sends in a header. An address may follow it. "" without the header."""
    return headers.get("x-amzn-errortype", "").partition(":")[0]
