package hook

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/whodid/whodid"
)

// approvedFile is where it stands which calls of a session were approved: the hook
// that tells of the result is another process than the one that asked.
func (c calls) approvedFile(client, session string) string {
	sum := sha256.Sum256([]byte(client + "\x00" + session))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:16])+".approved")
}

// remember notes the approval of a call.
func (c calls) remember(client, session, call, approval string) error {
	if c.dir == "" || session == "" || call == "" || approval == "" {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("couldn't remember the approval: %w", err)
	}
	f, err := os.OpenFile(c.approvedFile(client, session), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("couldn't remember the approval: %w", err)
	}
	_, err = f.WriteString(call + " " + approval + "\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("couldn't remember the approval: %w", err)
	}
	return nil
}

// approval is that of a call, or "".
func (c calls) approval(client, session, call string) string {
	text, err := os.ReadFile(c.approvedFile(client, session))
	if err != nil {
		return ""
	}
	found := ""
	for line := range strings.Lines(string(text)) {
		of, approval, ok := strings.Cut(strings.TrimSpace(line), " ")
		if ok && of == call && whodid.ValidID(approval) {
			found = approval
		}
	}
	return found
}
