package authorship

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// NotesRef is where git-ai keeps its authorship logs: a note for each commit.
const NotesRef = "refs/notes/ai"

// MaxNote is the largest authorship log that is read, in bytes.
const MaxNote = 8 << 20

// Log is what git-ai wrote about one commit, after the Git AI
// Standard v3.0.0 (github.com/git-ai-project/git-ai, specs). Lines that it does
// not name have an unknown author.
type Log struct {
	// Agents are the sessions that wrote lines of the commit, each once, in the
	// order in which the log names them.
	Agents []Agent
	// AgentLines and HumanLines count the lines that it gives to each.
	AgentLines, HumanLines int

	files map[string][]attestation
}

// attestation gives a range of lines to an agent, or to a person if agent < 0.
type attestation struct{ first, last, agent int }

// ErrNotLog means that a note is none that git-ai wrote.
var ErrNotLog = errors.New("the note is no authorship log of git-ai")

// authorshipMetadata is the part of a log below its divider that is read. What
// people said and their names are left where they are.
type authorshipMetadata struct {
	Schema   string                    `json:"schema_version"`
	Prompts  map[string]sessionRecord  `json:"prompts"`
	Sessions map[string]sessionRecord  `json:"sessions"`
	Humans   map[string]map[string]any `json:"humans"`
}

type sessionRecord struct {
	Agent struct {
		Tool  string `json:"tool"`
		ID    string `json:"id"`
		Model string `json:"model"`
	} `json:"agent_id"`
}

// ParseLog reads the note of a commit. Lines of the log that can't be
// read are left out; a note of another kind is ErrNotLog.
func ParseLog(note []byte) (*Log, error) {
	if len(note) > MaxNote {
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", ErrNotLog, len(note), MaxNote)
	}
	head, tail, ok := cutDivider(note)
	if !ok {
		return nil, fmt.Errorf("%w: it has no divider", ErrNotLog)
	}
	var meta authorshipMetadata
	if err := json.Unmarshal(tail, &meta); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotLog, err)
	}
	if !strings.HasPrefix(meta.Schema, "authorship/") {
		return nil, fmt.Errorf("%w: its schema is %.40q", ErrNotLog, meta.Schema)
	}
	l := &Log{files: map[string][]attestation{}}
	known := map[string]int{}
	file := ""
	for line := range bytes.Lines(head) {
		text := strings.TrimRight(string(line), "\r\n")
		if entry, indented := strings.CutPrefix(text, "  "); indented {
			l.attest(file, entry, &meta, known)
			continue
		}
		file = unquotePath(text)
	}
	return l, nil
}

// cutDivider cuts a note at its first line that is exactly "---".
func cutDivider(note []byte) (head, tail []byte, ok bool) {
	if rest, found := bytes.CutPrefix(note, []byte("---\n")); found {
		return nil, rest, true
	}
	for _, divider := range []string{"\n---\n", "\n---\r\n"} {
		if i := bytes.Index(note, []byte(divider)); i >= 0 {
			return note[:i+1], note[i+len(divider):], true
		}
	}
	return nil, nil, false
}

// unquotePath takes off the quotes that a path with white space has.
func unquotePath(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// attest reads an entry such as "s_c9883b05a2487d::t_9f8e7d6c5b4a32 1-10,15".
func (l *Log) attest(file, entry string, meta *authorshipMetadata, known map[string]int) {
	key, ranges, ok := strings.Cut(entry, " ")
	if !ok || file == "" {
		return
	}
	agent := l.lookUp(key, meta, known)
	if agent == unknownKey {
		return
	}
	for r := range strings.SplitSeq(ranges, ",") {
		from, to, isRange := strings.Cut(r, "-")
		if !isRange {
			to = from
		}
		first, err1 := strconv.Atoi(from)
		last, err2 := strconv.Atoi(to)
		const most = 1 << 30 // lines of a file, so that sums can't overflow
		if err1 != nil || err2 != nil || first < 1 || last < first || last > most {
			continue
		}
		l.files[file] = append(l.files[file], attestation{first, last, agent})
		if n := last - first + 1; agent == humanKey {
			l.HumanLines = min(l.HumanLines+n, most)
		} else {
			l.AgentLines = min(l.AgentLines+n, most)
		}
	}
}

const (
	humanKey   = -1
	unknownKey = -2
)

// lookUp returns which of the log's agents a key names.
func (l *Log) lookUp(key string, meta *authorshipMetadata, known map[string]int) int {
	session, _, _ := strings.Cut(key, "::")
	if i, ok := known[session]; ok {
		return i
	}
	found := unknownKey
	record, ok := meta.Sessions[session]
	if !ok {
		record, ok = meta.Prompts[session]
	}
	if ok {
		found = len(l.Agents)
		l.Agents = append(l.Agents, Agent{
			Tool: plain(record.Agent.Tool), Session: plain(record.Agent.ID), Model: plain(record.Agent.Model),
		})
	} else if _, human := meta.Humans[session]; human {
		found = humanKey
	}
	known[session] = found
	return found
}

// Line tells who wrote a line of a file as it was in the commit: an agent, or a
// person if human is true. Neither means that the log does not say.
func (l *Log) Line(file string, line int) (agent Agent, byAgent, human bool) {
	// The last entry wins, as where sessions overlap in a squash.
	for _, a := range slices.Backward(l.files[file]) {
		if line < a.first || line > a.last {
			continue
		}
		if a.agent == humanKey {
			return Agent{}, false, true
		}
		return l.Agents[a.agent], true, false
	}
	return Agent{}, false, false
}
