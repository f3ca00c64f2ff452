"""Values of the formats that the OpenAPI document names, so that generated calls get past the first check."""

import schemathesis
from hypothesis import strategies as st

schemathesis.openapi.format("lifetime", st.sampled_from(["30m", "24h", "1h30m", "720h", "forever"]))
schemathesis.openapi.format("address", st.from_regex(r"[a-z]{1,8}\.test(/[a-z]{1,5})?", fullmatch=True))
schemathesis.openapi.format("network", st.sampled_from(["10.0.0.0/8", "192.0.2.1", "2001:db8::/32"]))
