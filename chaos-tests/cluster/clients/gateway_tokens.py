"""Has schemathesis show a gateway what each operation asks for: a token that no other call has, or the operator's.

Read by schemathesis as its hooks. ECUMENE_TOKENS is a file with one token on each line, ECUMENE_OPERATOR the operator's token.
"""

import os

import schemathesis

with open(os.environ["ECUMENE_TOKENS"], encoding="utf-8") as file:
    TOKENS = iter(file.read().split())
OPERATOR = os.environ["ECUMENE_OPERATOR"]


def schemes(operation):
    """The names of the security schemes of an operation."""
    return {name for scheme in operation.definition.raw.get("security", []) for name in scheme}


@schemathesis.auth(refresh_interval=None)
class Shown:
    def get(self, case, context):
        asked = schemes(context.operation)
        if "operator" in asked:
            return OPERATOR
        if "federationToken" in asked:
            return next(TOKENS)
        return None

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"
