package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/loose"
)

const (
	// MaxID is the longest foreign id that is kept as it is. A foreign id that
	// is longer, or not made of the characters of ids, is kept as a digest: it
	// still tells the same from another, and can't carry text.
	MaxID = 128
	// MaxIDRead is how much of a foreign id is looked at.
	MaxIDRead = 4096
	// maxPath is how much of a path is read; a target keeps less.
	maxPath = 4096
)

// CleanID returns a foreign id in a form that may be published.
func CleanID(s string) string {
	if s == "" || plain(s, MaxID) {
		return s
	}
	return "sha256-" + Digest(s)
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

// Identifier returns s if it looks like one, else nothing: for names, of which
// a digest would tell nobody anything.
func Identifier(s string) string {
	if !plain(s, 64) {
		return ""
	}
	return s
}

// ModelName returns the name of a model, such as "claude-opus-4-8[1m]" or
// "vertex_ai/claude-opus-4@20250514", or nothing if it does not look like one.
func ModelName(s string) string {
	if s == "" || len(s) > MaxID || !alphanumeric(s[0]) {
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

// OneOf returns s if it is one of the known words, else the word for the rest.
func OneOf(s, rest string, known ...string) string {
	if slices.Contains(known, s) {
		return s
	}
	return rest
}

// ErrorKind is the client's word for what made a turn fail. Its list is that
// of the field "error" of the client's SDK; other words could be anything.
func ErrorKind(s string) string {
	return OneOf(s, "other", "authentication_failed", "oauth_org_not_allowed", "billing_error",
		"rate_limit", "overloaded", "invalid_request", "model_not_found", "server_error",
		"max_output_tokens", "unknown")
}

// Digest is 128 bits of SHA-256 over the parts, in hexadecimal.
func Digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Fingerprint tells a tool with its arguments from any other: 64 bits, in
// hexadecimal, over what the client wrote but for the white space between values.
// A tool that is known counts as its verb, because a client may call it by two
// names, and arguments that are a string of JSON count as what they hold.
func Fingerprint(client, tool string, arguments []byte) string {
	v := loose.Document(arguments)
	if v.Is('"') {
		v = loose.Document([]byte(v.Text(len(v))))
	}
	if what, known := toolKind(client, tool); known && what != "mcp.call" {
		tool = what
	}
	h := sha256.New()
	h.Write([]byte(tool))
	h.Write([]byte{0})
	v.Compact(func(part []byte) { h.Write(part) })
	return hex.EncodeToString(h.Sum(nil)[:8])
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
