package githook

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/place"
)

// transcriptModel returns the model that answered last in a session of Claude
// Code, or in the one of its sub-agents that acts. It is the model that asked
// for the command which is running now; "" if there is no transcript.
func transcriptModel(env place.Env, c Claim, acting string) string {
	if c.Client != clientClaude {
		return ""
	}
	root := env("CLAUDE_CONFIG_DIR")
	if root == "" {
		root = filepath.Join(place.Home(env), ".claude")
	}
	projects := filepath.Join(root, "projects")
	folders, err := os.ReadDir(projects)
	if err != nil {
		return ""
	}
	for _, folder := range folders {
		session := filepath.Join(projects, folder.Name(), c.Session+".jsonl")
		if !exists(session) {
			continue
		}
		if file := subagent(session, c, acting); file != "" {
			if model := awaitModel(file); model != "" {
				return model
			}
		}
		if model := awaitModel(session); model != "" {
			return model
		}
	}
	return ""
}

// The client writes its transcript behind the answer that asked for this
// command, in steps of about a tenth of a second.
const (
	transcriptStep  = 25 * time.Millisecond
	transcriptSteps = 40
)

// awaitModel returns the model of the last answer in a transcript that is
// there, and waits a moment for the first.
func awaitModel(path string) string {
	for range transcriptSteps {
		if model := lastModel(path); model != "" {
			return model
		}
		time.Sleep(transcriptStep)
	}
	return ""
}

// subagent returns the transcript of the sub-agent whose execution acts; "" if
// it is the session's own.
func subagent(session string, c Claim, acting string) string {
	if acting == "" || acting == c.Execution {
		return ""
	}
	dir := filepath.FromSlash(agent.SubagentDir(filepath.ToSlash(session)))
	files, err := os.ReadDir(dir)
	if err != nil {
		return ""
	}
	for _, file := range files {
		id, ok := agent.SubagentID(file.Name())
		if ok && whodid.DeriveID(whodid.PrefixExecution, clientClaude, c.Session, id) == acting {
			return filepath.Join(dir, file.Name())
		}
	}
	return ""
}

// lastModel returns the model of the last answer in a transcript. Only the end
// of the file is read, and more of it if a single line fills that.
func lastModel(path string) string {
	for most := int64(64 << 10); most <= 16<<20; most *= 16 {
		if model := modelIn(tail(path, most)); model != "" {
			return model
		}
	}
	return ""
}

// modelIn returns the model of the last answer in lines of a transcript. What
// the client writes in the place of a model is none.
func modelIn(text []byte) string {
	lines := bytes.Split(text, []byte("\n"))
	for _, line := range slices.Backward(lines) {
		if !bytes.Contains(line, []byte(`"assistant"`)) {
			continue
		}
		var l struct {
			Type    string `json:"type"`
			Message struct {
				Model string `json:"model"`
			} `json:"message"`
		}
		if json.Unmarshal(line, &l) != nil || l.Type != "assistant" {
			continue
		}
		if m := l.Message.Model; m != "" && m != "<synthetic>" {
			return m
		}
	}
	return ""
}
