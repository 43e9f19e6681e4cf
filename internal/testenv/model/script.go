// Package model is a scripted model server for tests and for the demo. It speaks the part of Anthropic's Messages API that Claude Code
// uses, answers with turns that a Script fixes beforehand, and keeps account of every token it claimed to have used, so that a test can
// compare what a recorder wrote down with what was really handed out.
//
// Nothing here thinks: the n-th answer of a conversation is the n-th turn of its script, where n is the number of assistant messages
// which the request already carries. That makes an answer independent of timing and of retries.
package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sort"
	"strings"
)

// Script is everything that the model will say, as data. Its JSON form is what scenario.json holds.
type Script struct {
	// Prompt is what the user asks for at the start; the server does not read it, who drives the client does.
	Prompt string `json:"prompt"`
	// Model is the name that turns answer with unless they name another, for example "claude-sonnet-5".
	Model string `json:"model"`
	// Main is the conversation with the user.
	Main []Turn `json:"main"`
	// Agents are the conversations of sub-agents, told apart by the marker in their first message.
	Agents []Agent `json:"agents,omitempty"`
}

// Agent is the script of one sub-agent.
type Agent struct {
	// Marker is a text that stands in the prompt with which the sub-agent is started and nowhere else.
	Marker string `json:"marker"`
	// Turns are its answers, in order.
	Turns []Turn `json:"turns"`
}

// Turn is one answer of the model.
type Turn struct {
	// Model names the model that answers this turn; empty means the script's.
	Model string `json:"model,omitempty"`
	// Text comes before the tool uses; it may be empty when there are any.
	Text string `json:"text,omitempty"`
	// Tools are the tools that the client shall call, all in one message.
	Tools []ToolUse `json:"tools,omitempty"`
	// Usage is what the answer says it cost.
	Usage Usage `json:"usage"`
	// Error, when set, is answered before the turn itself.
	Error *APIError `json:"error,omitempty"`
}

// ToolUse is one tool call that the model asks for.
type ToolUse struct {
	// Name is the tool's name as the client offers it, for example "Bash".
	Name string `json:"name"`
	// Input is the tool's JSON input.
	Input json.RawMessage `json:"input"`
}

// APIError is an error answer of the API.
type APIError struct {
	// Status is the HTTP status, for example 529.
	Status int `json:"status"`
	// Type is the API's own name of the error, for example "overloaded_error".
	Type string `json:"type"`
	// Message is the sentence for the user.
	Message string `json:"message"`
	// Times is how often the error is answered before the turn is; 0 means always.
	Times int `json:"times,omitempty"`
}

// Usage counts tokens as the API reports them. The five kinds are disjoint: Input holds no cached token.
type Usage struct {
	Input        int64 `json:"input"`
	Output       int64 `json:"output"`
	CacheRead    int64 `json:"cache_read,omitempty"`
	CacheWrite5m int64 `json:"cache_write_5m,omitempty"`
	CacheWrite1h int64 `json:"cache_write_1h,omitempty"`
}

// Add gives the sum of u and v, kind by kind.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		Input:        u.Input + v.Input,
		Output:       u.Output + v.Output,
		CacheRead:    u.CacheRead + v.CacheRead,
		CacheWrite5m: u.CacheWrite5m + v.CacheWrite5m,
		CacheWrite1h: u.CacheWrite1h + v.CacheWrite1h,
	}
}

// CacheWrite gives the tokens written to the cache, whatever their life-time.
func (u Usage) CacheWrite() int64 { return u.CacheWrite5m + u.CacheWrite1h }

// Parse reads a script from its JSON form. Each {{name}} in it is replaced by vars[name], escaped as JSON strings demand; a name that
// vars does not have is an error, as is a field that a Script does not have.
func Parse(text []byte, vars map[string]string) (Script, error) {
	names := make([]string, 0, len(vars))
	for name := range vars {
		names = append(names, name)
	}
	sort.Strings(names)
	pairs := make([]string, 0, 2*len(vars))
	for _, name := range names {
		quoted, err := json.Marshal(vars[name])
		if err != nil {
			return Script{}, fmt.Errorf("couldn't quote variable %s: %w", name, err)
		}
		pairs = append(pairs, "{{"+name+"}}", string(quoted[1:len(quoted)-1]))
	}
	// One pass, so that a value which looks like a placeholder stays what it is; what is left over was asked for and not given.
	if i := unknownPlaceholder(text, vars); i != "" {
		return Script{}, fmt.Errorf("couldn't fill in script: no value for {{%s}}", i)
	}
	d := json.NewDecoder(strings.NewReader(strings.NewReplacer(pairs...).Replace(string(text))))
	d.DisallowUnknownFields()
	var s Script
	if err := d.Decode(&s); err != nil {
		return Script{}, fmt.Errorf("couldn't parse script: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Script{}, errors.New("couldn't parse script: text after its end")
	}
	return s, s.check()
}

// unknownPlaceholder names the first {{name}} of text that vars does not have, or nothing.
func unknownPlaceholder(text []byte, vars map[string]string) string {
	for {
		_, rest, found := bytes.Cut(text, []byte("{{"))
		if !found {
			return ""
		}
		name, after, closed := bytes.Cut(rest, []byte("}}"))
		if !closed {
			return ""
		}
		if _, known := vars[string(name)]; !known && !bytes.ContainsAny(name, "{\"\n") {
			return string(name)
		}
		text = after
	}
}

// check finds what would make the server answer nonsense.
func (s Script) check() error {
	if s.Model == "" {
		return errors.New("couldn't use script: it names no model")
	}
	if len(s.Main) == 0 {
		return errors.New("couldn't use script: it has no turn")
	}
	if err := checkTurns("main", s.Main); err != nil {
		return err
	}
	for i, a := range s.Agents {
		if a.Marker == "" {
			return fmt.Errorf("couldn't use script: agent %d has no marker", i)
		}
		for _, b := range s.Agents[:i] {
			if strings.Contains(a.Marker, b.Marker) || strings.Contains(b.Marker, a.Marker) {
				return fmt.Errorf("couldn't use script: markers %q and %q match the same prompt", a.Marker, b.Marker)
			}
		}
		if err := checkTurns(a.Marker, a.Turns); err != nil {
			return err
		}
	}
	return nil
}

func checkTurns(name string, turns []Turn) error {
	for i, t := range turns {
		if t.Text == "" && len(t.Tools) == 0 && t.Error == nil {
			return fmt.Errorf("couldn't use script %s: turn %d says nothing", name, i)
		}
		if t.Error != nil && (t.Error.Status < 400 || t.Error.Status > 599) {
			return fmt.Errorf("couldn't use script %s: turn %d fails with status %d", name, i, t.Error.Status)
		}
		for _, u := range t.Tools {
			if u.Name == "" || !json.Valid(u.Input) {
				return fmt.Errorf("couldn't use script %s: turn %d has a tool use without name or input", name, i)
			}
		}
	}
	return nil
}
