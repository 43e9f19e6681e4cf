// Command whodid-hook is "whodid hook" and nothing else: small, because agents
// start it on every tool call.
package main

import (
	"os"

	"github.com/whodid/whodid/internal/hook"
)

func main() { os.Exit(hook.Main()) }
