package githook

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/spool"
)

// Known is what has been recorded of an execution. Empty is unknown.
type Known struct {
	Agent   string // squad/agent
	Trigger string // kind:detail
	Model   string
	// Acting is the execution that last set about making a commit: of a
	// sub-agent, or the same.
	Acting string
}

// maxTail is how much of the end of a file is looked at for what was told last.
const maxTail = 1 << 20

// told reads what waits in the spool about an execution. The hook of an agent
// tells of a command before it runs, so what is said here of the agent at work
// is the newest there is.
func told(spoolDir string, c Claim) Known {
	return toldIn(tail(filepath.Join(spoolDir, "current.jsonl"), maxTail), c)
}

// toldIn reads records of the spool. One that was torn by a crash is no JSON and
// tells nothing.
func toldIn(records []byte, c Claim) Known {
	var k Known
	for line := range bytes.Lines(records) {
		_, body, ok := bytes.Cut(line, []byte(" ")) // a checksum stands before it
		var r spool.Record
		if !ok || json.Unmarshal(body, &r) != nil {
			continue
		}
		for i := range r.Events {
			k.take(&r.Events[i], c)
		}
	}
	return k
}

func (k *Known) take(e *whodid.Event, c Claim) {
	if e.Execution != c.Execution && (c.Session == "" || e.Session != c.Session) {
		return
	}
	if agent, ok := strings.CutPrefix(e.Actor, "agent:"); ok && validAgent(agent) {
		k.Agent = agent
	}
	if e.What == "commit.create" && e.Result == whodid.ResultAttempted {
		k.Acting = e.Execution
	}
	if e.Execution != c.Execution {
		return
	}
	text := func(name string) string { s, _ := e.Data[name].(string); return s }
	if kind := text("trigger"); kind != "" && e.What == "execution.start" {
		k.Trigger = kind
		if detail := text("trigger_detail"); detail != "" {
			k.Trigger += ":" + detail
		}
	}
	if model := text("model"); model != "" {
		k.Model = model
	}
}

// tail returns the last bytes of a file, from the beginning of a line.
func tail(path string, most int64) []byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	from := max(0, info.Size()-most)
	b := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(b, from)
	b = b[:n]
	if from > 0 {
		_, b, _ = bytes.Cut(b, []byte("\n"))
	}
	return b
}
