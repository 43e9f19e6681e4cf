// Package install puts hooks into the settings of agents' clients and takes them
// out again. It edits the text of the file and nothing but the places where
// something of ours stands or comes to stand, so that formatting, order and
// everything that others wrote stay as they are to the byte.
//
// Settings and their hooks: https://code.claude.com/docs/en/hooks,
// https://developers.openai.com/codex/hooks, https://geminicli.com/docs/hooks/reference,
// https://docs.github.com/en/copilot/reference/hooks-reference, https://cursor.com/docs/hooks.
package install

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Handler is one hook that is to be installed.
type Handler struct {
	// Event is the client's name of the event, such as PreToolUse.
	Event string
	// Matcher says for which tools; empty where the event is about none.
	Matcher string
	// Command is a command line for a POSIX shell; empty for an http hook.
	Command string
	// Timeout is after how many seconds the client goes on without it.
	Timeout int
	// URL is where an http hook posts to, Headers what it says there, in which
	// ${NAME} stands for a variable of the client's environment.
	URL     string
	Headers map[string]string
	// Block tells an http hook to refuse what the agent is about to do if the
	// server does not take it.
	Block bool

	shape shape
}

// MaxSettings is how large a file of settings may be that is edited.
const MaxSettings = 1 << 20

// Edit is what became of a file of settings.
type Edit struct {
	// Text is the new content.
	Text []byte
	// Spans are the parts of Text that were inserted, in order: the rest is the
	// old content.
	Spans []Span
	// Removed counts the hooks of ours that were there before.
	Removed int
}

// Span is a part of a text: where it begins, and how long it is, in bytes.
type Span struct {
	Start int `json:"start"`
	Len   int `json:"len"`
}

// Add puts the handlers into settings, in the place of those of ours that are
// there. It changes nothing if exactly these are there already.
func Add(settings []byte, handlers []Handler) (Edit, error) {
	root, err := parseSettings(settings)
	if err != nil {
		return Edit{}, err
	}
	if installed(settings, root, handlers) {
		return Edit{Text: settings}, nil
	}
	cleared, removed, err := Remove(settings)
	if err != nil {
		return Edit{}, err
	}
	if root, err = parseSettings(cleared); err != nil {
		return Edit{}, err
	}
	text, spans, err := insert(cleared, root, handlers)
	if err != nil {
		return Edit{}, err
	}
	return Edit{Text: text, Spans: spans, Removed: removed}, nil
}

// Remove takes every hook of ours out of settings, and what was left empty by
// that: the list of an event, and all of "hooks".
func Remove(settings []byte) (text []byte, removed int, err error) {
	for {
		root, err := parseSettings(settings)
		if err != nil {
			return nil, 0, err
		}
		found := ours(root)
		if len(found) == 0 {
			return settings, removed, nil
		}
		if len(found) > maxRemoved {
			return nil, 0, fmt.Errorf("there are more than %d hooks of whodid in it", maxRemoved)
		}
		// The last comes first: what it takes along stands behind the others.
		settings = found[len(found)-1].cut(settings)
		removed++
	}
}

// maxRemoved bounds the work on a file that somebody filled with our hooks.
const maxRemoved = 500

// installed tells whether the hooks of ours that are there are the handlers,
// each once.
func installed(text []byte, root *node, handlers []Handler) bool {
	found := ours(root)
	if len(found) != len(handlers) {
		return false
	}
	var have []string
	for _, f := range found {
		matcher := ""
		if m := f.group.member("matcher"); m != nil && f.group != f.handler {
			matcher = m.value.str
		}
		have = append(have, identity(f.event, matcher, text[f.handler.start:f.handler.end]))
	}
	compact := format{oneLine: true}
	for i := range handlers {
		h := &handlers[i]
		if !slices.Contains(have, identity(h.Event, h.Matcher, []byte(h.write(&compact, 0)))) {
			return false
		}
	}
	return true
}

// identity tells a hook from another, however it is written.
func identity(event, matcher string, handler []byte) string {
	var v any
	_ = json.Unmarshal(handler, &v) // it is valid JSON
	b, _ := json.Marshal([]any{event, matcher, v})
	return string(b)
}

// mine is a hook of ours in the tree of a file of settings.
type mine struct {
	event       string
	root, hooks *node
	list        *node // of the event's groups
	group       *node // matcher and handlers; the handler itself where there are no groups
	handlers    *node
	handler     *node
	// The places of the event in hooks, of the group in list and of the handler
	// in handlers.
	iEvent, iGroup, iHandler int
}

// ours finds the hooks of ours, in the order of the text.
func ours(root *node) []mine {
	var found []mine
	hooks := root.member("hooks")
	if hooks == nil {
		return nil
	}
	for iEvent, event := range hooks.value.members {
		for iGroup, group := range event.value.items {
			m := mine{
				event: event.name, root: root, hooks: hooks.value, list: event.value, group: group,
				handlers: event.value, handler: group, iEvent: iEvent, iGroup: iGroup, iHandler: iGroup,
			}
			handlers := group.member("hooks")
			if handlers == nil {
				if isOurs(group) {
					found = append(found, m)
				}
				continue
			}
			for iHandler, h := range handlers.value.items {
				if isOurs(h) {
					m.handlers, m.handler, m.iHandler = handlers.value, h, iHandler
					found = append(found, m)
				}
			}
		}
	}
	return found
}

// cut takes the hook out of the text, with its group if it was alone in it,
// with its event if that has no other, and with "hooks" if that has no other.
func (m *mine) cut(text []byte) []byte {
	if len(m.handlers.items) > 1 {
		return m.handlers.without(text, m.iHandler)
	}
	// Of several members with one name the last counts: taking it away would
	// bring the one before it to life.
	if len(m.list.items) > 1 || m.hooks.count(m.event) > 1 {
		return m.list.without(text, m.iGroup)
	}
	if len(m.hooks.members) > 1 || m.root.count("hooks") > 1 {
		return m.hooks.without(text, m.iEvent)
	}
	return m.root.without(text, m.root.index("hooks"))
}

// Installed is a hook of ours that is in a file of settings.
type Installed struct {
	Event string
	// Program is what a command hook runs, URL where an http hook posts to.
	Program, URL string
}

// Find returns the hooks of ours in settings.
func Find(settings []byte) ([]Installed, error) {
	root, err := parseSettings(settings)
	if err != nil {
		return nil, err
	}
	var all []Installed
	for _, m := range ours(root) {
		i := Installed{Event: m.event, URL: m.handler.text("url")}
		i.Program, _ = HookProgram(m.handler.text("command"))
		all = append(all, i)
	}
	return all, nil
}

// isOurs tells whether a handler is one of ours: a command that is, or a post
// that names a header of ours.
func isOurs(h *node) bool {
	switch h.text("type") {
	case "command", "": // Cursor names no type
		line := h.text("command")
		if args := h.member("args"); args != nil { // a program and its arguments, without a shell
			line = Quote(line)
			for _, arg := range args.value.items {
				line += " " + Quote(arg.str)
			}
		}
		_, ours := HookProgram(line)
		return ours
	case "http":
		headers := h.member("headers")
		return headers != nil && headers.value.member(ownHeader) != nil
	default:
		return false
	}
}

// ownHeader is in every http hook of ours.
const ownHeader = "Whodid-Execution"

// HookProgram returns the program that a command line runs, and whether it is
// our hook: "whodid-hook …", or "whodid … hook …", by whatever path and however
// quoted.
func HookProgram(command string) (program string, ours bool) {
	words := shellWords(command)
	if len(words) == 0 {
		return "", false
	}
	name := words[0]
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	switch strings.TrimSuffix(name, ".exe") {
	case "whodid-hook":
		return words[0], true
	case "whodid":
		return words[0], slices.Contains(words[1:], "hook")
	default:
		return words[0], false
	}
}

// shellWords splits a command line as a POSIX shell does, as far as quotes go.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	inWord, quote := false, byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == '\\' && i+1 < len(line) && strings.IndexByte(` '"\$`, line[i+1]) >= 0:
			i++
			word.WriteByte(line[i])
			inWord = true
		case c == ' ' || c == '\t' || c == '\n':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	return words
}

// Quote writes a word so that a POSIX shell reads it as one.
func Quote(word string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:@%,="
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
