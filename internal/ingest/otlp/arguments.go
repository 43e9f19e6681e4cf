package otlp

import (
	"encoding/json"
	"strings"

	"github.com/whodid/whodid/internal/ingest/agent"
)

func identifier(s string) string { return agent.Identifier(s) }

// maxArguments is how much of a tool's arguments is looked at.
const maxArguments = 256 << 10

// claudeInput is what Claude Code tells of a tool's arguments, as JSON. It cuts
// each value of the arguments at 512 characters, a command included; the
// parameters have the whole command.
func claudeInput(a *Attributes) []byte {
	input := a.text(fieldArguments)
	command := member(a.text(fieldParameters), "full_command")
	if command == "" {
		command = a.text(fieldCommand)
	}
	switch {
	case command != "":
		return object("command", command)
	case input != "" && len(input) <= maxArguments:
		if cutCommand(input) {
			return nil // another command than the one that ran
		}
		return []byte(input)
	case a.text(fieldPath) != "":
		return object("file_path", a.text(fieldPath))
	case member(a.text(fieldParameters), "subagent_type") != "":
		return object("subagent_type", member(a.text(fieldParameters), "subagent_type"))
	default:
		return nil
	}
}

// cutCommand reports whether the arguments have a command that the client cut.
func cutCommand(input string) bool {
	const cutAt = 512
	return len(member(input, "command")) >= cutAt
}

// member is a text that stands under the name in a JSON object; "" if there is
// none, or if it is no object.
func member(object, name string) string {
	if !strings.Contains(object, name) || len(object) > maxArguments {
		return ""
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &members) != nil {
		return ""
	}
	var text string
	if json.Unmarshal(members[name], &text) != nil {
		return ""
	}
	return text
}

func object(name, value string) []byte {
	b, err := json.Marshal(map[string]string{name: value})
	if err != nil {
		return nil
	}
	return b
}

// homeless tells a path below somebody's home directory with ~ for it: the name
// of the directory is that of a person, and telemetry does not tell whose home
// it is.
func homeless(target string) string {
	for _, homes := range [...]string{"/home/", "/Users/", "C:/Users/", "c:/Users/"} {
		if rest, ok := strings.CutPrefix(target, homes); ok {
			if _, below, ok := strings.Cut(rest, "/"); ok {
				return "~/" + below
			}
			return "~"
		}
	}
	if rest, ok := strings.CutPrefix(target, "/root/"); ok {
		return "~/" + rest
	}
	return target
}

// memberList is a list of texts that stands under the name in a JSON object.
func memberList(object, name string) []string {
	if !strings.Contains(object, name) || len(object) > maxArguments {
		return nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &members) != nil {
		return nil
	}
	var list []string
	if json.Unmarshal(members[name], &list) != nil {
		return nil
	}
	return list
}
