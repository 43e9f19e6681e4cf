// Package interchange writes runs in formats of others: as an in-toto attestation, as
// events of OCSF, and as spans of OpenTelemetry. It is pure: what a run is comes from
// the trail, and what is written goes where the caller wants. The versions that it
// writes are in docs/interchange.md.
package interchange

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/sink"
	"github.com/whodid/whodid/internal/store"
)

// Run is a run as it leaves the trail.
type Run struct {
	Execution *ask.Execution
	// Rows are its events, in the order of the log.
	Rows []store.Row
	// Fields is how much of them leaves, as for sinks.
	Fields sink.Fields
	// Commits are those that it made, with what they changed where that is known.
	Commits []Commit
	// Origin is the log's name, PublicKey its key, Checkpoint its head, with what
	// witnesses gave.
	Origin, PublicKey, Checkpoint string
	// Version is that of this program.
	Version string
}

// Commit is a commit by its full id, and the files that it left behind.
type Commit struct {
	ID    string
	Files []File
}

// File is a file of a commit, by the id of its content.
type File struct {
	Path, Blob string
}

var gitID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// IsGitID tells whether text is a full id of git's.
func IsGitID(text string) bool { return gitID.MatchString(text) }

// records are the events in our own format.
func (r *Run) records() ([]json.RawMessage, error) {
	out := make([]json.RawMessage, 0, len(r.Rows))
	for i := range r.Rows {
		b, err := sink.Encode(sink.JSON, &r.Rows[i], r.Fields)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// OCSF writes each event of the run as a line of OCSF, as the sinks do.
func OCSF(r *Run) ([]byte, error) {
	var out bytes.Buffer
	for i := range r.Rows {
		b, err := sink.Encode(sink.OCSF, &r.Rows[i], r.Fields)
		if err != nil {
			return nil, err
		}
		out.Write(append(b, '\n'))
	}
	return out.Bytes(), nil
}

// CommitsOf are the ids that the events of a run name: full ones, and those that are
// only the beginning of one.
func CommitsOf(rows []store.Row) []string {
	var out []string
	for i := range rows {
		r := &rows[i]
		if r.What != "git.commit" || r.Result != "success" {
			continue
		}
		if err := r.ParseData(); err != nil {
			continue // that the row was edited is for verify to say
		}
		if id := r.Data.String("sha"); id != "" && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("couldn't write the run: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
