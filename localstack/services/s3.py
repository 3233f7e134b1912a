"""Runs LocalStack, and settles what it has no setting for.

    s3.py ADDRESS FOLDER

Left alone, it listens on every interface whatever address GATEWAY_LISTEN names (with IPv4), keeps the objects in /tmp, and
asks the DNS server about a host name of its own.
"""

import functools
import sys

from twisted.internet import endpoints

address, folder = sys.argv[1:]

endpoints.TCP4ServerEndpoint = functools.partial(endpoints.TCP4ServerEndpoint, interface=address)

from localstack.services.s3 import provider
from localstack.utils.aws import aws_stack

for module, name, value in (
    (provider, "DEFAULT_S3_TMP_DIR", folder),
    (aws_stack, "CACHE_S3_HOSTNAME_DNS_STATUS", False),  # as if it had asked, and the name did not exist
):
    if not hasattr(module, name):
        sys.exit(f"{module.__name__} has no {name}: look at localstack/services/s3.py when changing LocalStack's version")
    setattr(module, name, value)

from localstack.runtime.main import main

main()
