package agent

import (
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// The clients whose agents are known by name: as they stand in the source, the
// keys and the data of events.
const (
	ClaudeCode = "claude-code"
	Codex      = "codex"
	Gemini     = "gemini"
	Copilot    = "copilot"
	Cursor     = "cursor"
	VSCode     = "vscode"
	Unknown    = "unknown"
)

// Nameless is a call of a tool, or its end, that the client's hooks tell without
// an id.
type Nameless struct {
	Client, Session string
	// Fingerprint is that of the tool and its arguments.
	Fingerprint string
	// Stamp is the client's time of the event, so that one that is told twice
	// counts once; may be empty.
	Stamp string
	// Ended tells that the call is over.
	Ended bool
}

// Default is the "squad/agent" of a client's sessions that nobody named.
func Default(client string) string { return "local/" + client }

// Actor is the first of the names that is one of an agent, as an actor; else
// the client's [Default].
func Actor(client string, names ...string) string {
	for _, name := range names {
		if _, _, err := whodid.ParseAgent(name); err == nil {
			return whodid.AgentActor(name)
		}
	}
	return whodid.AgentActor(Default(client))
}

// The functions below make the ids and natural keys of what an agent's client
// tells. Whoever reads a hook, a transcript or telemetry of the same session
// must use them, so that the same fact told by all three is one event. They
// take the client's own ids, which are brought into the form of [CleanID].

// Execution is the execution that a client's session makes. The id follows from
// the session's, so that every source of a session tells of the same execution
// without asking another.
func Execution(client, session string) string {
	return whodid.DeriveID(whodid.PrefixExecution, client, CleanID(session))
}

// Subagent is the execution that a sub-agent of a session makes.
func Subagent(client, session, agentID string) string {
	return whodid.DeriveID(whodid.PrefixExecution, client, CleanID(session), CleanID(agentID))
}

// CallKey is the key of what a tool call did, attempt and result alike. A call
// that did several things has one key for each: part counts from 0, in the
// order of [shell.Acts]. The id is the session's own, so that a sub-agent's call
// has the same key whether or not a source tells whose it is. Clients whose
// hooks tell no id of a call have one of [CallID].
func CallKey(client, session, call string, part int) string {
	var parts []string
	if session != "" {
		parts = append(parts, CleanID(session))
	}
	parts = append(parts, "call", CleanID(call))
	if part > 0 {
		parts = append(parts, strconv.Itoa(part+1))
	}
	return Key(client, parts...)
}

// CallID is the id of a tool call whose client's hooks give it none: it follows
// from the tool, its arguments as the client wrote them, and how many such calls
// the session made before. See [Fingerprint].
func CallID(client, tool string, arguments []byte, before int) string {
	return nth(Fingerprint(client, tool, arguments), before)
}

func nth(fingerprint string, before int) string {
	return "nth-" + fingerprint + "-" + strconv.Itoa(before+1)
}

// RequestKey is the key of a request to a model: by the service's id of the
// request or, where none is told, by that of the answer.
func RequestKey(client, request, message string) string {
	if request != "" {
		return Key(client, "request", CleanID(request))
	}
	return Key(client, "message", CleanID(message))
}

// UsageKey is the key of a request to a model by a client whose telemetry tells
// no id of it, though its own files do: by what it used, as the client counts.
// Within a session no two requests read and write just as much, for each reads
// what the last one wrote.
func UsageKey(client, session string, counts ...int64) string {
	parts := make([]string, len(counts))
	for i, n := range counts {
		parts[i] = strconv.FormatInt(n, 10)
	}
	return Key(client, CleanID(session), "usage", strings.Join(parts, "-"))
}

// SessionKey is the key of a fact about a session, such as "session.start", and
// what tells it from others of its kind: the prompt's id, or [Moment].
func SessionKey(client, session string, parts ...string) string {
	return Key(client, append([]string{CleanID(session)}, parts...)...)
}

// Moment is the part of a key that tells when, for a fact that has nothing else
// to tell it from the last one.
func Moment(at time.Time) string { return "at-" + decimal(whodid.Micros(at)) }

// PromptPart is the part of the key of a turn's end: the client's id of the
// prompt that the turn answered, which hooks and transcripts both know, or else
// the time.
func PromptPart(prompt string, at time.Time) string {
	if prompt != "" {
		return prompt
	}
	return Moment(at)
}

// Key joins the parts of a natural key. The parts are ids of [CleanID] and
// fixed words and so hold no slash; a key that is too long becomes a digest.
func Key(client string, parts ...string) string {
	key := client + "/" + strings.Join(parts, "/")
	if len(key) > whodid.MaxKey {
		return client + "/sha256-" + Digest(key)
	}
	return key
}

// Put sets a text that is not empty.
func Put(d whodid.Data, name, text string) {
	if text != "" {
		d[name] = text
	}
}
