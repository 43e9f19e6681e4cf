// The hook runs for two milliseconds on one processor: it need not ask the
// control groups how many it may use, which is a twentieth of its life spent in
// /proc and /sys.
//
//go:debug containermaxprocs=0
//go:debug updatemaxprocs=0

// Command whodid-hook is "whodid hook" and nothing else: small, because agents
// start it on every tool call.
package main

import (
	"os"

	"github.com/whodid/whodid/internal/hook"
)

func main() { os.Exit(hook.Main()) }
