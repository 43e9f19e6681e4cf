package agent

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/loose"
)

// Asked is a tool call that a client is about to make, and holds back until its
// hook has answered.
type Asked struct {
	// Tool and Call are the client's names of the tool and of the call, as they
	// stand in the events.
	Tool, Call string
	// Dir is where the session works; Mode is the client's permission mode.
	Dir, Mode string
	client    string
	input     loose.Value
}

// Decision is what a hook answers a client that asks.
type Decision int

// The decisions, from the mildest to the strictest.
const (
	NoDecision Decision = iota // the client goes on by its own rules
	Allow
	AskPerson // the client asks the person in front of it
	Deny
)

// CanAsk reports whether the client can ask the person in front of it because a
// hook says so: Codex, Gemini CLI and Copilot don't, and nobody is asked in modes
// that were chosen so that nobody is.
func (a *Asked) CanAsk() bool {
	switch a.client {
	case ClaudeCode, VSCode:
		return a.Mode != "bypassPermissions" && a.Mode != "dontAsk"
	default:
		return false
	}
}

// InputDigest is the SHA-256 of the call's arguments as canonical JSON (RFC 8785),
// as "sha256:" and hexadecimal digits. Two calls with other arguments never share
// it: what canonical JSON would make one of, such as names that stand twice or
// whole numbers that readers round, is kept apart.
func (a *Asked) InputDigest() string {
	text, err := canonical(a.input)
	if err != nil {
		text = append([]byte("as written\x00"), a.input...)
	}
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Answer is what to tell the client: the text for standard output, and whether the
// refusal is to be told by the exit status and the reason on standard error
// instead. A decision that the client does not know is none.
func (a *Asked) Answer(d Decision, reason string) (stdout []byte, byStatus bool) {
	word := map[Decision]string{Allow: "allow", AskPerson: "ask", Deny: "deny"}[d]
	claude := map[string]any{
		"hookEventName": "PreToolUse", "permissionDecision": word, "permissionDecisionReason": reason,
	}
	switch {
	case d == NoDecision:
		return nil, false
	case a.client == ClaudeCode, a.client == VSCode:
		return answer(map[string]any{"hookSpecificOutput": claude}), false
	case d != Deny:
		return nil, false // these go on by their own rules
	case a.client == Codex:
		return answer(map[string]any{"hookSpecificOutput": claude}), false
	case a.client == Copilot:
		return answer(map[string]any{"permissionDecision": word, "permissionDecisionReason": reason, "hookSpecificOutput": claude}), false
	case a.client == Gemini:
		return answer(map[string]any{"decision": word, "reason": reason}), false
	default:
		return nil, true
	}
}

// Denial is a refusal as most clients understand it.
func Denial(reason string) []byte {
	return answer(map[string]any{"hookSpecificOutput": map[string]any{
		"hookEventName": "PreToolUse", "permissionDecision": "deny", "permissionDecisionReason": reason,
	}})
}

func answer(v map[string]any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil { // strings in maps can always be written
		return nil
	}
	return b.Bytes()
}

// maxNesting is how deep arguments may be nested to be made canonical.
const maxNesting = 200

var errNotCanonical = errors.New("it has no canonical form that stands for it alone")

// canonical writes JSON in canonical form.
func canonical(raw []byte) ([]byte, error) {
	if !utf8.Valid(raw) {
		return nil, errNotCanonical
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	text, err := canonicalValue(d, nil, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotCanonical
	}
	return text, nil
}

func canonicalValue(d *json.Decoder, b []byte, depth int) ([]byte, error) {
	token, err := d.Token()
	if err != nil || depth > maxNesting {
		return nil, errNotCanonical
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return canonicalObject(d, b, depth)
		}
		b = append(b, '[')
		for first := true; d.More(); first = false {
			if !first {
				b = append(b, ',')
			}
			if b, err = canonicalValue(d, b, depth+1); err != nil {
				return nil, err
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, errNotCanonical
		}
		return append(b, ']'), nil
	case string:
		if strings.ContainsRune(v, utf8.RuneError) {
			return nil, errNotCanonical // half a character may stand behind it
		}
		return whodid.AppendJSONString(b, v), nil
	case json.Number:
		return canonicalNumber(b, string(v))
	case bool:
		return strconv.AppendBool(b, v), nil
	default:
		return append(b, "null"...), nil
	}
}

func canonicalObject(d *json.Decoder, b []byte, depth int) ([]byte, error) {
	type member struct {
		name  []uint16
		text  string
		value []byte
	}
	var members []member
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok || strings.ContainsRune(name, utf8.RuneError) {
			return nil, errNotCanonical
		}
		value, err := canonicalValue(d, nil, depth+1)
		if err != nil {
			return nil, err
		}
		members = append(members, member{utf16.Encode([]rune(name)), name, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, errNotCanonical
	}
	slices.SortFunc(members, func(x, y member) int { return slices.Compare(x.name, y.name) })
	b = append(b, '{')
	for i, m := range members {
		if i > 0 {
			if m.text == members[i-1].text {
				return nil, errNotCanonical
			}
			b = append(b, ',')
		}
		b = append(whodid.AppendJSONString(b, m.text), ':')
		b = append(b, m.value...)
	}
	return append(b, '}'), nil
}

// canonicalNumber writes a number as ECMAScript does, which the standard library
// does too. A whole number that a double can't hold is left as it stands.
func canonicalNumber(b []byte, text string) ([]byte, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > -1<<53 && n < 1<<53 {
		return strconv.AppendInt(b, n, 10), nil
	}
	if !strings.ContainsAny(text, ".eE") {
		return append(b, text...), nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return nil, errNotCanonical
	}
	number, err := json.Marshal(f)
	if err != nil {
		return nil, errNotCanonical
	}
	return append(b, number...), nil
}
