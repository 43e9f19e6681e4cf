package record

import "sync"

// recent remembers the last some thousand ids that it was told, so that most
// events of a run need not suppose its start. Having forgotten one costs a row
// that is then left out.
type recent struct {
	mu       sync.Mutex
	new, old map[string]struct{}
}

// maxRecent is how many ids fill one of the two halves. A half that is full
// becomes the old one, and what only that one held is forgotten.
const maxRecent = 20_000

func (r *recent) has(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.new[id]; ok {
		return true
	}
	if _, ok := r.old[id]; !ok {
		return false
	}
	r.put(id) // it is in use
	return true
}

func (r *recent) add(ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, id := range ids {
		r.put(id)
	}
}

func (r *recent) put(id string) {
	if r.new == nil || len(r.new) >= maxRecent {
		r.old, r.new = r.new, make(map[string]struct{})
	}
	r.new[id] = struct{}{}
}
