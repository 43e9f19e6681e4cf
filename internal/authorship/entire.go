package authorship

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// CheckpointBranch is the branch on which the Entire command line keeps its
// checkpoints (github.com/entireio/cli, docs/architecture).
const CheckpointBranch = "entire/checkpoints/v1"

// checkpointKey is the trailer that leads from a commit to a checkpoint.
const checkpointKey = "Entire-Checkpoint"

// maxCheckpoints bounds how many checkpoints of one message are kept.
const maxCheckpoints = 64

// CheckpointIDs returns the ids of the checkpoints that a commit's message
// names, in order, each once. They count wherever they stand, for a squash
// buries the trailers of the commits that it was made of.
func CheckpointIDs(msg string) []string {
	// The search is cheap, and nearly no message has one.
	if !strings.Contains(msg, checkpointKey) {
		return nil
	}
	var ids []string
	for line := range strings.Lines(msg) {
		value, ok := strings.CutPrefix(strings.TrimLeft(line, " \t"), checkpointKey+":")
		id := strings.TrimSpace(value)
		if ok && isCheckpoint(id) && len(ids) < maxCheckpoints && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// isCheckpoint tells whether s is an id: twelve hexadecimal digits.
func isCheckpoint(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// CheckpointFile is the path, on the branch of checkpoints, of what is known
// about one session of a checkpoint. It returns nothing for what is no id.
func CheckpointFile(id string, session int) string {
	if !isCheckpoint(id) {
		return ""
	}
	return fmt.Sprintf("%s/%s/%d/metadata.json", id[:2], id[2:], session)
}

// Checkpoint is one session of an Entire checkpoint. Tokens that are not told
// are nil.
type Checkpoint struct {
	ID        string
	Agent     Agent
	CreatedAt time.Time
	// Files are the paths that the session touched.
	Files                                   []string
	Input, Output, CacheRead, CacheCreation *int64
}

// ParseCheckpoint reads a session's metadata.json.
func ParseCheckpoint(metadata []byte) (*Checkpoint, error) {
	var m struct {
		ID      string    `json:"checkpoint_id"`
		Session string    `json:"session_id"`
		Agent   string    `json:"agent"`
		Created time.Time `json:"created_at"`
		Files   []string  `json:"files_touched"`
		Tokens  *struct {
			Input    *int64 `json:"input_tokens"`
			Creation *int64 `json:"cache_creation_tokens"`
			Read     *int64 `json:"cache_read_tokens"`
			Output   *int64 `json:"output_tokens"`
		} `json:"token_usage"`
	}
	if err := json.Unmarshal(metadata, &m); err != nil {
		return nil, fmt.Errorf("couldn't read an Entire checkpoint: %w", err)
	}
	if !isCheckpoint(m.ID) {
		return nil, fmt.Errorf("couldn't read an Entire checkpoint: %.40q is no id of one", m.ID)
	}
	c := &Checkpoint{ID: m.ID, CreatedAt: m.Created.UTC(), Files: m.Files, Agent: Agent{Tool: plain(m.Agent), Session: plain(m.Session)}}
	if m.Tokens != nil {
		c.Input, c.Output, c.CacheRead, c.CacheCreation = m.Tokens.Input, m.Tokens.Output, m.Tokens.Read, m.Tokens.Creation
	}
	return c, nil
}
