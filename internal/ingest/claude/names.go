package claude

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// The clients that a payload may come from, as they stand in the source and
// the keys of events.
const (
	clientClaude  = "claude-code"
	clientCodex   = "codex"
	clientGemini  = "gemini"
	clientCopilot = "copilot"
	clientCursor  = "cursor"
	clientVSCode  = "vscode"
	clientUnknown = "unknown"
)

const (
	// maxID is the longest foreign id that is kept as it is. A foreign id that
	// is longer, or not made of the characters of ids, is kept as a digest: it
	// still tells the same from another, and can't carry text.
	maxID = 128
	// maxIDRead is how much of a foreign id is looked at.
	maxIDRead = 4096
	// maxPath is how much of a path is read; a target keeps less.
	maxPath = 4096
)

// cleanID returns a foreign id in a form that may be published.
func cleanID(s string) string {
	if s == "" || plain(s, maxID) {
		return s
	}
	return "sha256-" + digest(s)
}

// plain reports whether s looks like an identifier: letters, digits and a few
// signs between them, at most limit bytes.
func plain(s string, limit int) bool {
	if s == "" || len(s) > limit || !alphanumeric(s[0]) && s[0] != '_' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && strings.IndexByte("._:-", c) < 0 {
			return false
		}
	}
	return true
}

// identifier returns s if it looks like one, else nothing: for names, of which
// a digest would tell nobody anything.
func identifier(s string) string {
	if !plain(s, 64) {
		return ""
	}
	return s
}

// modelName returns the name of a model, such as "claude-opus-4-8[1m]" or
// "vertex_ai/claude-opus-4@20250514", or nothing if it does not look like one.
func modelName(s string) string {
	if s == "" || len(s) > maxID || !alphanumeric(s[0]) {
		return ""
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && strings.IndexByte("._:-/@[]", c) < 0 {
			return ""
		}
	}
	return s
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// oneOf returns s if it is one of the known words, else the word for the rest.
func oneOf(s, rest string, known ...string) string {
	if slices.Contains(known, s) {
		return s
	}
	return rest
}

// errorKind is the client's word for what made a turn fail. Its list is that
// of the field "error" of the client's SDK; other words could be anything.
func errorKind(s string) string {
	return oneOf(s, "other", "authentication_failed", "oauth_org_not_allowed", "billing_error",
		"rate_limit", "overloaded", "invalid_request", "model_not_found", "server_error",
		"max_output_tokens", "unknown")
}

// digest is 128 bits of SHA-256 over the parts, in hexadecimal.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// payloadDigest tells one payload at one time from any other. Of a large one it
// reads the size, the beginning and the end.
func payloadDigest(payload []byte, at time.Time) string {
	const edge = 64 << 10
	h := sha256.New()
	h.Write([]byte(decimal(int64(len(payload))) + " " + decimal(whodid.Micros(at)) + " "))
	h.Write(payload[:min(len(payload), edge)])
	h.Write(payload[max(0, len(payload)-edge):])
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// executionOf is the execution that a client's session makes. The id follows
// from the session's, so that every hook of a session tells of the same
// execution without asking another.
func executionOf(client, session string) string {
	return whodid.DeriveID(whodid.PrefixExecution, client, session)
}

// childOf is the execution that a sub-agent of a session makes.
func childOf(client, session, agent string) string {
	return whodid.DeriveID(whodid.PrefixExecution, client, session, agent)
}

// keyOf joins the parts of a natural key. The parts are ids of [cleanID] and
// fixed words and so hold no slash; a key that is too long becomes a digest.
func keyOf(client string, parts ...string) string {
	key := client + "/" + strings.Join(parts, "/")
	if len(key) > whodid.MaxKey {
		return client + "/sha256-" + digest(key)
	}
	return key
}

// promptKey is the part of the key of a turn's end: the client's id of the
// prompt that the turn answered, which hooks and transcripts both know, or else
// the time.
func promptKey(prompt string, at time.Time) string {
	if prompt != "" {
		return prompt
	}
	return "at-" + decimal(whodid.Micros(at))
}

// actorOf is the first of the names that is one of an agent, as an actor.
func actorOf(client string, names ...string) string {
	for _, name := range names {
		if _, _, err := whodid.ParseAgent(name); err == nil {
			return whodid.AgentActor(name)
		}
	}
	return whodid.AgentActor("local/" + client)
}
