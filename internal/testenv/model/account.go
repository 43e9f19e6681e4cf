package model

import "maps"

// Call is one request for a message and what it was answered.
type Call struct {
	// RequestID is the id in the answer's request-id header.
	RequestID string
	// MessageID is the id of the message; empty after an error.
	MessageID string
	// Conversation says who asked: "main", the marker of a sub-agent, or "side" for a request that no script covers, such as the one
	// by which the client finds a title. A side answer is empty of tools and accounts for its tokens as every other.
	Conversation string
	// Turn is the index of the script's turn that answered; -1 for a side answer and when the script had run out.
	Turn int
	// Requested is the model that the client asked for.
	Requested string
	// Model is the model that the answer named.
	Model string
	// Usage is what the answer said it used; zero after an error.
	Usage Usage
	// Status is the HTTP status.
	Status int
	// Streamed says that the answer went out as server-sent events.
	Streamed bool
	// Complete says that all of it was written to the client.
	Complete bool
}

// Side and Main are conversations that every script has; the others are named by the markers of their sub-agents.
const (
	Main = "main"
	Side = "side"
)

// Calls gives every request for a message so far, in the order of arrival.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Total gives the sum of what was handed out in the conversations named, or in all when none is.
func (s *Server) Total(conversations ...string) Usage {
	var sum Usage
	for _, u := range s.ByModel(conversations...) {
		sum = sum.Add(u)
	}
	return sum
}

// ByModel gives what was handed out by the model that answered, in the conversations named or in all when none is. Answers that
// failed count nothing.
func (s *Server) ByModel(conversations ...string) map[string]Usage {
	wanted := map[string]bool{}
	for _, c := range conversations {
		wanted[c] = true
	}
	sums := map[string]Usage{}
	for _, c := range s.Calls() {
		if c.MessageID != "" && (len(wanted) == 0 || wanted[c.Conversation]) {
			sums[c.Model] = sums[c.Model].Add(c.Usage)
		}
	}
	return sums
}

// Unscripted gives the requests, as "METHOD path", which the server had no answer for. A test of a client looks here first.
func (s *Server) Unscripted() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.unscripted)
}
