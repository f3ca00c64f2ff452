// Command originside checks tokens as a tunnel's end does before it hands a
// request to an origin: `originside NAME DOMAIN AUDIENCE`.
//
// It says its version, then reads a token a line, and answers each with a line:
// `status` and `caller`, or `status` and `refused`. The environment leads it to
// an emulator; nothing here names one.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
)

const library = "github.com/coreos/go-oidc/v3"

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "say NAME DOMAIN AUDIENCE")
		os.Exit(2)
	}
	check := newCheck("https://"+os.Args[2], []string{os.Args[3]})
	answers := json.NewEncoder(os.Stdout)
	say := func(answer map[string]any) {
		if err := answers.Encode(answer); err != nil {
			os.Exit(1)
		}
	}
	say(map[string]any{"version": version()})
	tokens := bufio.NewScanner(os.Stdin)
	for tokens.Scan() {
		request, err := http.NewRequest(http.MethodGet, "http://origin.invalid/", nil)
		if err != nil {
			os.Exit(1)
		}
		request.Header.Set(assertion, tokens.Text())
		verdict := check.of(request)
		if verdict.status == http.StatusOK {
			say(map[string]any{"status": verdict.status, "caller": verdict.caller})
		} else {
			say(map[string]any{"status": verdict.status, "refused": verdict.why})
		}
	}
}

// version is the library's, as it was built in.
func version() string {
	build, _ := debug.ReadBuildInfo()
	for _, module := range build.Deps {
		if module.Path == library {
			return module.Version[1:]
		}
	}
	return ""
}
