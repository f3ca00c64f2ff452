package main

import (
	"context"
	"net/http"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
)

// assertion is the only header that is read.
const assertion = "Cf-Access-Jwt-Assertion"

// check decides about requests on the origin's side, as `originRequest.access`
// of a tunnel does: with go-oidc as it comes, whose own look at the audience is
// left out because several are accepted.
type check struct {
	verifier *oidc.IDTokenVerifier
	tags     []string
}

// verdict is the status a request is answered with, and who it is from when that is 200.
type verdict struct {
	status int
	why    string
	caller string
}

func newCheck(team string, tags []string) *check {
	keys := oidc.NewRemoteKeySet(context.Background(), team+"/cdn-cgi/access/certs")
	return &check{oidc.NewVerifier(team, keys, &oidc.Config{SkipClientIDCheck: true}), tags}
}

func (c *check) of(request *http.Request) verdict {
	token := request.Header.Get(assertion)
	if token == "" {
		return verdict{status: http.StatusForbidden, why: "no access token in request"}
	}
	verified, err := c.verifier.Verify(request.Context(), token)
	if err != nil {
		// What cannot be verified is an error of the way there, and no answer to the request.
		return verdict{status: http.StatusBadGateway, why: err.Error()}
	}
	if !slices.ContainsFunc(verified.Audience, func(tag string) bool { return slices.Contains(c.tags, tag) }) {
		return verdict{status: http.StatusForbidden, why: "the token is for another application"}
	}
	var claims struct {
		Email      string `json:"email"`
		CommonName string `json:"common_name"`
	}
	if err := verified.Claims(&claims); err != nil {
		return verdict{status: http.StatusBadGateway, why: err.Error()}
	}
	if claims.Email == "" {
		return verdict{status: http.StatusOK, caller: claims.CommonName}
	}
	return verdict{status: http.StatusOK, caller: claims.Email}
}
