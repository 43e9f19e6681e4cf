package otlp

import (
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/loose"
)

func identifier(s string) string { return agent.Identifier(s) }

// maxArguments is how much of a tool's arguments is looked at.
const maxArguments = 256 << 10

// claudeInput is what Claude Code tells of a tool's arguments, as JSON. It cuts
// each value of the arguments at 512 characters and the whole at about 4,000, so
// that of what a file was given nothing can be said; the parameters have the
// whole command.
func claudeInput(a *Attributes) []byte {
	parameters, input := a.text(fieldParameters), a.text(fieldArguments)
	command := member(parameters, "full_command")
	if command == "" {
		command = a.text(fieldCommand)
	}
	if command == "" {
		// As long as this, it may be another command than the one that ran.
		const cutAt = 512
		if command = member(input, "command"); len(command) >= cutAt {
			command = ""
		}
	}
	if command != "" {
		return object("command", command)
	}
	for _, name := range [...]string{"file_path", "notebook_path", "url", "path"} {
		if text := member(input, name); text != "" {
			return object(name, text)
		}
	}
	if path := a.text(fieldPath); path != "" {
		return object("file_path", path)
	}
	if kind := member(parameters, "subagent_type"); kind != "" {
		return object("subagent_type", kind)
	}
	return nil
}

// member is a text that stands under the name in a JSON object, which may break
// off; "" if there is none, or if it is no object.
func member(object, name string) string {
	text := ""
	if strings.Contains(object, name) {
		loose.Document([]byte(object)).Members(func(n []byte, v loose.Value) {
			if string(n) == name && v.Is('"') {
				text = v.Text(maxArguments)
			}
		})
	}
	return text
}

func object(name, value string) []byte {
	b := make([]byte, 0, len(`{"":""}`)+len(name)+len(value)+16)
	b = whodid.AppendJSONString(append(b, '{'), name)
	b = whodid.AppendJSONString(append(b, ':'), value)
	return append(b, '}')
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
	var list []string
	if strings.Contains(object, name) {
		loose.Document([]byte(object)).Members(func(n []byte, v loose.Value) {
			if string(n) != name {
				return
			}
			v.Elements(func(v loose.Value) bool {
				list = append(list, v.Text(maxArguments))
				return len(list) < 100
			})
		})
	}
	return list
}
