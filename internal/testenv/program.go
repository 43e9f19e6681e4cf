package testenv

import (
	"fmt"
	"os"
	"syscall"
)

// WriteProgram writes an executable file that can be run at once. A plain write and run fails now and then with "text file busy", when another
// goroutine starts a process in between and that one still has the file open for writing (https://go.dev/issue/22315).
func WriteProgram(path string, text []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, text, 0o755); err != nil {
		return fmt.Errorf("couldn't write program: %w", err)
	}
	return nil
}
