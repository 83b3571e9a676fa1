#!/usr/bin/env python3
"""Write .env from .env.example, with a fresh secret for each secret that has none; needs Python 3.8 and nothing else.

A .env that exists stays as it is: the databases already know its passwords.
"""

import base64
import os
import re
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EMPTY_SECRET = re.compile(r"^(\w+_(?:PASSWORD|SECRET|KEY))=$", re.MULTILINE)


def main() -> None:
    """Write it, readable by its owner only."""
    target = ROOT / ".env"
    try:
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.exit(f"{target} exists and is left as it is. To start over, remove it and the volumes of its passwords.")
    with os.fdopen(handle, "w", encoding="utf-8") as env_file:
        env_file.write(with_secrets((ROOT / ".env.example").read_text(encoding="utf-8")))
    sys.stdout.write(f"{target} written\n")


def with_secrets(example: str) -> str:
    """Fill each secret that stands empty in the text."""
    return EMPTY_SECRET.sub(lambda match: f"{match[1]}={new_secret(match[1])}", example)


def new_secret(name: str) -> str:
    """256 random bits: in the form that Fernet takes, else in hexadecimal, which needs no quoting in an address."""
    if name.endswith("FERNET_KEY"):
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(32)


if __name__ == "__main__":
    main()
