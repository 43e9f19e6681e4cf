//go:build unix

package hook

import (
	"os/exec"
	"syscall"
)

// detach gives the program a session of its own, so that it lives on when the
// agent's terminal goes.
func detach(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
