"""What a host in an address is: a number or a name, and whether it is this machine."""

from ipaddress import ip_address


def is_address(host: str) -> bool:
    """Whether a host is an IP address, not a name."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)
