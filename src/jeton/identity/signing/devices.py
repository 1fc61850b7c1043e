"""Devices: what a browser says of itself, as a person would say it. A hint for its owner, never a proof."""

DEVICE_CHARS_MAX = 200
UNKNOWN = "unknown device"

# The first that is found: what comes later in the list is also claimed by those before it.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrom", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def describe_device(user_agent: str) -> str:
    """``Firefox on Linux`` out of a user-agent header; else its first word, or "unknown device"."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser or system:
        return " on ".join(part for part in (browser, system) if part)
    first = user_agent.split(" ", 1)[0][:DEVICE_CHARS_MAX]
    return first if first and first.isprintable() else UNKNOWN
