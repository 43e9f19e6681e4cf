package hook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
)

// calls remembers which tool calls of a session began and which ended, for
// clients whose hooks give a call no id: each hook is a process of its own, and
// the attempt and the result of a call must find each other. A session has a
// file, to which each hook appends a line; the order of the lines is the order
// of the calls. Fingerprints and times stand in it, and nothing of the calls.
type calls struct{ dir string }

const (
	// maxCalls bounds the file that is read at each call: a session that made
	// more than about a hundred thousand calls is no longer numbered.
	maxCalls = 8 << 20
	// forgetCalls is how long a session's file is kept: it may be resumed.
	forgetCalls = 60 * 24 * time.Hour
)

// before is [agent.Surroundings].Order.
func (c calls) before(n agent.Nameless) (int, error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return 0, fmt.Errorf("couldn't remember the call: %w", err)
	}
	sum := sha256.Sum256([]byte(n.Client + "\x00" + n.Session))
	f, err := os.OpenFile(filepath.Join(c.dir, hex.EncodeToString(sum[:16])), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, fmt.Errorf("couldn't remember the call: %w", err)
	}
	defer f.Close() //nolint:errcheck // what was written was synced
	kind := "+"
	if n.Ended {
		kind = "-"
	}
	// The line's own id finds its place among those of other hooks.
	own := whodid.NewID("call")
	stamp := n.Stamp
	if stamp == "" {
		stamp = own
	}
	_, err = f.WriteString(kind + n.Fingerprint + " " + stamp + " " + own + "\n")
	if err == nil {
		// A number that was given twice would make two calls one.
		err = f.Sync()
	}
	if err != nil {
		return 0, fmt.Errorf("couldn't remember the call: %w", err)
	}
	info, err := f.Stat()
	if err != nil || info.Size() > maxCalls {
		return 0, fmt.Errorf("the session made too many calls to tell them apart (%w)", errors.Join(err, fs.ErrInvalid))
	}
	text := make([]byte, info.Size())
	if _, err := f.ReadAt(text, 0); err != nil {
		return 0, fmt.Errorf("couldn't read the calls of the session: %w", err)
	}
	return number(text, n.Fingerprint, own)
}

// number replays the lines about one fingerprint up to the own one, and returns
// how many calls began before the call that it is about.
func number(text []byte, fingerprint, own string) (int, error) {
	begun, open, told := 0, []int(nil), map[string]int{}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) != 3 || string(fields[0][1:]) != fingerprint {
			continue
		}
		ended := fields[0][0] == '-'
		key := string(fields[0][:1]) + string(fields[1])
		before, again := told[key]
		if !again {
			before = begun
			if last := len(open) - 1; ended && last >= 0 {
				before, open = open[last], open[:last]
			} else {
				begun++
				if !ended {
					open = append(open, before)
				}
			}
			told[key] = before
		}
		if string(fields[2]) == own {
			return before, nil
		}
	}
	return 0, errors.New("the call is missing in the file of the session " + strconv.Quote(fingerprint))
}
