package redact

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// seen remembers some short texts that were read and found clean: names of
// agents, sources and tools come with every event. It is a table with one place
// for each hash, so that it never grows and needs no lock; who finds another
// text in his place reads his own again.
type seen struct {
	seed   maphash.Seed
	places [1024]atomic.Pointer[string]
}

// maxSeen is the longest text that is remembered, in bytes.
const maxSeen = 128

func (s *seen) place(text string) *atomic.Pointer[string] {
	return &s.places[maphash.String(s.seed, text)%uint64(len(s.places))]
}

func (s *seen) has(text string) bool {
	if len(text) > maxSeen {
		return false
	}
	known := s.place(text).Load()
	return known != nil && *known == text
}

func (s *seen) add(text string) {
	if len(text) <= maxSeen {
		text = strings.Clone(text) // it may be a part of a whole request
		s.place(text).Store(&text)
	}
}
