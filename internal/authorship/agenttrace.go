package authorship

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// TraceFile is where the reference implementation of Agent Trace keeps its
// records, one JSON object a line, in the working tree.
const TraceFile = ".agent-trace/traces.jsonl"

// TraceVersion is the version of the Agent Trace specification that is written:
// https://agent-trace.dev, github.com/cursor/agent-trace.
const TraceVersion = "0.1.0"

// Trace is an Agent Trace record: whose work the lines of files are, as they are
// in one revision.
type Trace struct {
	Version   string       `json:"version"`
	ID        string       `json:"id"`
	Timestamp string       `json:"timestamp"` // RFC 3339
	VCS       *TraceVCS    `json:"vcs,omitempty"`
	Tool      *TraceTool   `json:"tool,omitempty"`
	Files     []TracedFile `json:"files"`
}

// TraceVCS names the revision that the line numbers are of.
type TraceVCS struct {
	Type     string `json:"type"` // "git"
	Revision string `json:"revision"`
}

// TraceTool is the tool that wrote the record.
type TraceTool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// TracedFile is a file with the conversations that its lines came from.
type TracedFile struct {
	Path          string              `json:"path"`
	Conversations []TraceConversation `json:"conversations"`
}

// TraceConversation is one contributor's part of a file.
type TraceConversation struct {
	URL         string            `json:"url,omitempty"`
	Contributor *TraceContributor `json:"contributor,omitempty"`
	Ranges      []TraceRange      `json:"ranges"`
	Related     []TraceRelated    `json:"related,omitempty"`
}

// The types of a contributor.
const (
	TraceHuman   = "human"
	TraceAI      = "ai"
	TraceMixed   = "mixed"
	TraceUnknown = "unknown"
)

// TraceContributor is who wrote.
type TraceContributor struct {
	Type string `json:"type"`
	// ModelID is "vendor/model" as models.dev has it; see [TraceModel].
	ModelID string `json:"model_id,omitempty"`
}

// TraceRange is a range of lines, from 1, both ends included.
type TraceRange struct {
	StartLine   int               `json:"start_line"`
	EndLine     int               `json:"end_line"`
	ContentHash string            `json:"content_hash,omitempty"`
	Contributor *TraceContributor `json:"contributor,omitempty"`
}

// TraceRelated is another resource about a conversation.
type TraceRelated struct {
	Type string `json:"type"`
	URL  string `json:"url"`
}

// maxTraceModel is the longest model id that the schema allows.
const maxTraceModel = 250

// TraceModel writes a model as models.dev does, with its vendor, where the name
// tells the vendor.
func TraceModel(model string) string {
	if len(model) > maxTraceModel-len("anthropic/") {
		return ""
	}
	if strings.Contains(model, "/") {
		return model
	}
	for _, v := range [...]struct{ prefix, vendor string }{
		{"claude", "anthropic"},
		{"opus", "anthropic"},
		{"sonnet", "anthropic"},
		{"haiku", "anthropic"},
		{"gpt-", "openai"},
		{"o1", "openai"},
		{"o3", "openai"},
		{"o4", "openai"},
		{"codex", "openai"},
		{"gemini", "google"},
		{"grok", "xai"},
		{"mistral", "mistral"},
		{"devstral", "mistral"},
	} {
		if strings.HasPrefix(model, v.prefix) {
			return v.vendor + "/" + model
		}
	}
	return model
}

// MaxTraceRecord is the longest record that is read, in bytes.
const MaxTraceRecord = 8 << 20

// ReadTraces calls yield with each record of a file in which each line is one.
// Lines that are none are counted and skipped; a line that is too long ends the
// reading.
func ReadTraces(r io.Reader, yield func(*Trace) error) (skipped int, err error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, MaxTraceRecord)
	for in.Scan() {
		line := bytes.TrimSpace(in.Bytes())
		if len(line) == 0 {
			continue
		}
		var t Trace
		if json.Unmarshal(line, &t) != nil || t.Version == "" || t.ID == "" {
			skipped++
			continue
		}
		if err := yield(&t); err != nil {
			return skipped, err
		}
	}
	if err := in.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			return skipped + 1, fmt.Errorf("couldn't read Agent Trace records: one has more than %d bytes", MaxTraceRecord)
		}
		return skipped, fmt.Errorf("couldn't read Agent Trace records: %w", err)
	}
	return skipped, nil
}

// Line tells who wrote a line of a file as it is in the trace's revision. ok is
// false if the trace does not say.
func (t *Trace) Line(file string, line int) (who TraceContributor, conversation string, ok bool) {
	for i := range t.Files {
		if t.Files[i].Path != file {
			continue
		}
		for j := range t.Files[i].Conversations {
			c := &t.Files[i].Conversations[j]
			for _, r := range c.Ranges {
				if line < r.StartLine || line > r.EndLine {
					continue
				}
				switch {
				case r.Contributor != nil:
					who = *r.Contributor
				case c.Contributor != nil:
					who = *c.Contributor
				default:
					who.Type = TraceUnknown
				}
				return TraceContributor{Type: plain(who.Type), ModelID: plain(who.ModelID)}, plain(c.URL), true
			}
		}
	}
	return TraceContributor{}, "", false
}
