"""Turn a customer's id into a keyed hash, so that no table holds the id itself."""

import hmac


def customer_key(secret: str, customer_id: str) -> str:
    """HMAC-SHA256 of the id under the service's secret, as 64 hexadecimal digits."""
    return hmac.digest(secret.encode(), customer_id.encode("utf-8"), "sha256").hex()
