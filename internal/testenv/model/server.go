package model

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// maxRequest is the size in bytes above which the Messages API refuses a request too.
	maxRequest = 32 << 20
	// maxUnscripted bounds what is remembered of requests that nobody expected.
	maxUnscripted = 100
)

// sideUsage is what an answer outside the scripts says it used: small, and not zero, so that a recorder which forgets such calls is found.
var sideUsage = Usage{Input: 11, Output: 3}

// Server is a running model server on the loopback interface. Its methods may be called at any time, from any goroutine.
type Server struct {
	// URL is what the client is given as ANTHROPIC_BASE_URL.
	URL string

	script Script
	http   *http.Server

	mu         sync.Mutex // guards what follows
	calls      []Call
	failures   map[string]int // errors answered so far, by conversation and turn
	unscripted map[string]int
}

// Start runs a server for one script on a free port. The caller closes it.
func Start(script Script) (*Server, error) {
	if err := script.check(); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("couldn't listen on loopback: %w", err)
	}
	s := &Server{
		URL:        "http://" + listener.Addr().String(),
		script:     script,
		failures:   map[string]int{},
		unscripted: map[string]int{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/messages", s.messages)
	mux.HandleFunc("POST /v1/messages/count_tokens", s.countTokens)
	mux.HandleFunc("/", s.other)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		// Serve ends with ErrServerClosed after Close; any other end shows as refused connections in the client under test.
		_ = s.http.Serve(listener)
	}()
	return s, nil
}

// Close ends the server, letting answers that are under way finish for up to a second.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		if err := s.http.Close(); err != nil {
			return fmt.Errorf("couldn't close model server: %w", err)
		}
	}
	return nil
}

// request is the part of a Messages request that decides about the answer.
type request struct {
	Model    string            `json:"model"`
	Stream   bool              `json:"stream"`
	Tools    []json.RawMessage `json:"tools"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
}

func (s *Server) messages(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		writeError(w, s.begin(Call{Status: http.StatusRequestEntityTooLarge, Turn: -1}), APIError{Type: "request_too_large", Message: "Request exceeds the maximum size"})
		return
	case err != nil:
		return // the client went away; there is nobody to answer
	}
	var q request
	if err := json.Unmarshal(body, &q); err != nil || len(q.Messages) == 0 {
		writeError(w, s.begin(Call{Status: http.StatusBadRequest, Turn: -1}), APIError{Type: "invalid_request_error", Message: "messages: field required"})
		return
	}
	turn, call := s.choose(q)
	call.Streamed, call.Requested = q.Stream, q.Model
	call = s.begin(call)
	if call.MessageID == "" {
		writeError(w, call, *turn.Error)
		return
	}
	m := newMessage(call, turn)
	w.Header().Set("request-id", call.RequestID)
	if q.Stream {
		err = m.stream(w)
	} else {
		err = m.whole(w)
	}
	if err == nil {
		s.complete(call.RequestID)
	}
}

// choose finds the turn that answers a request. A call without tools is not part of a conversation: it is how clients ask for titles and
// summaries.
func (s *Server) choose(q request) (Turn, Call) {
	if len(q.Tools) == 0 {
		return Turn{Text: "Scripted answer"}, Call{Conversation: Side, Turn: -1, Model: q.Model, Usage: sideUsage, Status: http.StatusOK}
	}
	conversation, turns := Main, s.script.Main
	opening := firstUserText(q)
	for _, a := range s.script.Agents {
		if strings.Contains(opening, a.Marker) {
			conversation, turns = a.Marker, a.Turns
			break
		}
	}
	said := 0
	for _, m := range q.Messages {
		if m.Role == "assistant" {
			said++
		}
	}
	if said >= len(turns) {
		return Turn{Text: "There is nothing left to do."}, Call{Conversation: conversation, Turn: -1, Model: s.script.Model, Usage: sideUsage, Status: http.StatusOK}
	}
	turn := turns[said]
	call := Call{Conversation: conversation, Turn: said, Model: turn.Model, Usage: turn.Usage, Status: http.StatusOK}
	if call.Model == "" {
		call.Model = s.script.Model
	}
	if turn.Error != nil && s.stillFails(conversation, said, turn.Error.Times) {
		call.Status, call.Usage = turn.Error.Status, Usage{}
	}
	return turn, call
}

// stillFails counts one more request for a turn that fails and says whether it does so this time.
func (s *Server) stillFails(conversation string, turn, times int) bool {
	key := fmt.Sprintf("%s/%d", conversation, turn)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures[key]++
	return times == 0 || s.failures[key] <= times
}

// begin enters a call in the account and gives it its ids.
func (s *Server) begin(c Call) Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.calls) + 1
	c.RequestID = fmt.Sprintf("req_scripted%06d", n)
	if c.Status == http.StatusOK {
		c.MessageID = fmt.Sprintf("msg_scripted%06d", n)
	}
	s.calls = append(s.calls, c)
	return c
}

func (s *Server) complete(requestID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.calls {
		if s.calls[i].RequestID == requestID {
			s.calls[i].Complete = true
		}
	}
}

// firstUserText gives the text of all user messages before the first answer: clients put reminders of their own beside the prompt.
func firstUserText(q request) string {
	var all strings.Builder
	for _, m := range q.Messages {
		if m.Role == "assistant" {
			break
		}
		var text string
		if json.Unmarshal(m.Content, &text) == nil {
			all.WriteString(text + "\n")
			continue
		}
		var blocks []struct {
			Text string `json:"text"`
		}
		if json.Unmarshal(m.Content, &blocks) == nil {
			for _, b := range blocks {
				all.WriteString(b.Text + "\n")
			}
		}
	}
	return all.String()
}

// countTokens answers with a plausible number: about four bytes make a token.
func (s *Server) countTokens(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "couldn't read request", http.StatusRequestEntityTooLarge)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, "{\"input_tokens\":%d}\n", n/4)
}

// other answers the probes by which clients see whether there is somebody, and refuses the rest in the API's own words.
func (s *Server) other(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" && (r.Method == http.MethodHead || r.Method == http.MethodGet) {
		w.WriteHeader(http.StatusOK)
		return
	}
	s.mu.Lock()
	if key := r.Method + " " + r.URL.Path; len(s.unscripted) < maxUnscripted {
		s.unscripted[key]++
	}
	s.mu.Unlock()
	writeError(w, Call{Status: http.StatusNotFound}, APIError{Type: "not_found_error", Message: "Not found"})
}
