package hook

import (
	"os/exec"
	"syscall"
)

// detach gives the program no console, so that it lives on when the agent's
// goes.
func detach(c *exec.Cmd) {
	const detachedProcess = 0x00000008
	c.SysProcAttr = &syscall.SysProcAttr{CreationFlags: detachedProcess}
}
