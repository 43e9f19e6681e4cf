// Command whodid-verify checks a bundle of the audit trail offline, with keys
// that its user trusts. It shares no code with what records the trail but the
// words of the product and the arithmetic of its proofs.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }
