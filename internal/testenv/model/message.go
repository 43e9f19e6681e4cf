package model

import (
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf8"
)

// message is an answer in the wire form of the Messages API (https://docs.anthropic.com/en/api/messages).
type message struct {
	ID           string  `json:"id"`
	Type         string  `json:"type"`
	Role         string  `json:"role"`
	Model        string  `json:"model"`
	Content      []block `json:"content"`
	StopReason   *string `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
	Usage        wire    `json:"usage"`
}

// block is a text or a tool use.
type block struct {
	Type  string          `json:"type"`
	Text  *string         `json:"text,omitempty"`
	ID    string          `json:"id,omitempty"`
	Name  string          `json:"name,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`
}

// wire is Usage with the names of the API.
type wire struct {
	Input         int64         `json:"input_tokens"`
	CacheWrite    int64         `json:"cache_creation_input_tokens"`
	CacheRead     int64         `json:"cache_read_input_tokens"`
	CacheCreation cacheCreation `json:"cache_creation"`
	Output        int64         `json:"output_tokens"`
	ServiceTier   string        `json:"service_tier"`
}

type cacheCreation struct {
	FiveMinutes int64 `json:"ephemeral_5m_input_tokens"`
	OneHour     int64 `json:"ephemeral_1h_input_tokens"`
}

func newMessage(c Call, t Turn) message {
	m := message{ID: c.MessageID, Type: "message", Role: "assistant", Model: c.Model, Content: []block{}}
	if t.Text != "" {
		m.Content = append(m.Content, block{Type: "text", Text: &t.Text})
	}
	reason := "end_turn"
	for i, u := range t.Tools {
		reason = "tool_use"
		id := fmt.Sprintf("toolu_%s_%d", c.MessageID[len("msg_"):], i+1)
		m.Content = append(m.Content, block{Type: "tool_use", ID: id, Name: u.Name, Input: u.Input})
	}
	m.StopReason = &reason
	m.Usage = wire{
		Input: c.Usage.Input, Output: c.Usage.Output, CacheRead: c.Usage.CacheRead, CacheWrite: c.Usage.CacheWrite(),
		CacheCreation: cacheCreation{FiveMinutes: c.Usage.CacheWrite5m, OneHour: c.Usage.CacheWrite1h},
		ServiceTier:   "standard",
	}
	return m
}

// whole writes the message as one JSON document.
func (m message) whole(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(m); err != nil {
		return fmt.Errorf("couldn't write message: %w", err)
	}
	return nil
}

// stream writes the message as server-sent events, in the API's order (https://docs.anthropic.com/en/api/messages-streaming): the start
// claims one token of output, as the real one does, and only the last delta tells the true number. Who takes the first for the truth
// counts too little, and a test shall see it.
func (m message) stream(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	s := &events{w: w}
	start := m
	start.Content, start.StopReason, start.Usage.Output = []block{}, nil, 1
	s.send("message_start", map[string]any{"message": start})
	s.send("ping", map[string]any{})
	for i, b := range m.Content {
		opening, kind, field, body := b, "input_json_delta", "partial_json", string(b.Input)
		if b.Type == "text" {
			opening.Text, kind, field, body = new(string), "text_delta", "text", *b.Text
		} else {
			opening.Input = json.RawMessage("{}")
		}
		s.send("content_block_start", map[string]any{"index": i, "content_block": opening})
		for _, part := range pieces(body, 64) {
			s.send("content_block_delta", map[string]any{"index": i, "delta": map[string]any{"type": kind, field: part}})
		}
		s.send("content_block_stop", map[string]any{"index": i})
	}
	s.send("message_delta", map[string]any{"delta": map[string]any{"stop_reason": m.StopReason, "stop_sequence": nil}, "usage": m.Usage})
	s.send("message_stop", map[string]any{})
	return s.err
}

// events writes server-sent events and keeps the first error, after which it writes nothing more.
type events struct {
	w   http.ResponseWriter
	err error
}

func (s *events) send(name string, fields map[string]any) {
	if s.err != nil {
		return
	}
	fields["type"] = name
	data, err := json.Marshal(fields)
	if err != nil {
		s.err = fmt.Errorf("couldn't encode %s: %w", name, err)
		return
	}
	if _, err := fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, data); err != nil {
		s.err = fmt.Errorf("couldn't send %s: %w", name, err)
		return
	}
	if err := http.NewResponseController(s.w).Flush(); err != nil {
		s.err = fmt.Errorf("couldn't flush %s: %w", name, err)
	}
}

// pieces cuts text into parts of about n bytes, never within a rune.
func pieces(text string, n int) []string {
	var parts []string
	for len(text) > n {
		cut := n
		for cut > 1 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		parts, text = append(parts, text[:cut]), text[cut:]
	}
	return append(parts, text)
}

// writeError answers a call with an error in the API's form.
func writeError(w http.ResponseWriter, c Call, e APIError) {
	w.Header().Set("Content-Type", "application/json")
	if c.RequestID != "" {
		w.Header().Set("request-id", c.RequestID)
	}
	w.WriteHeader(c.Status)
	// A client that has gone away is no fault of the server; the call stays incomplete in the account.
	_ = json.NewEncoder(w).Encode(map[string]any{
		"type":       "error",
		"error":      map[string]string{"type": e.Type, "message": e.Message},
		"request_id": c.RequestID,
	})
}
