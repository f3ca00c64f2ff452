module doorward/tests/originside

go 1.24.0

// As cloudflared 2026.8.2 has them.
require (
	github.com/coreos/go-oidc/v3 v3.17.0
	github.com/go-jose/go-jose/v4 v4.1.4 // indirect
)

require golang.org/x/oauth2 v0.28.0 // indirect
