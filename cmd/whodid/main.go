// Command whodid is the audit trail for AI agents.
package main

import (
	"os"

	"github.com/whodid/whodid/internal/cli"
)

// version is set by the linker when a release is built.
var version = "dev"

func main() { os.Exit(cli.Main(version)) }
