"""Labels: by which of its own people and purposes an organization wants to find a request again.

Both are the organization's words and nobody else's: they decide nothing about price or permission, and a
request has at most one of each, so that sums by a label are parts of the whole.
"""

import msgspec

# As the Messages API bounds metadata.user_id.
END_USER_CHARS_MAX = 256
TAG_CHARS_MAX = 64


class Labels(msgspec.Struct, frozen=True):
    """For which end user a request was, and for what (its tag); "" where it does not say."""

    end_user: str = ""
    tag: str = ""


NO_LABELS = Labels()
