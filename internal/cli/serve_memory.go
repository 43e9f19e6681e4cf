package cli

import "runtime/debug"

// The heap of a server, or of an import, is small and turns over fast: with the
// runtime's own setting a fifth of its processor time went into collecting some
// twenty megabytes over and over. It may grow to five times of what lives, unless
// that comes near to a quarter of a gigabyte, from where on it is collected as
// often as it takes.
const (
	serverGCPercent   = 400
	serverMemoryLimit = 256 << 20
)

// tuneMemory sets how a program that takes in much collects garbage. The
// runtime's own variables have the last word.
func (p *Program) tuneMemory() {
	if p.Env("GOGC") == "" {
		debug.SetGCPercent(serverGCPercent)
	}
	if p.Env("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(serverMemoryLimit)
	}
}
