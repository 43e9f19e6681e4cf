package redact

import (
	"fmt"
	"strings"

	"github.com/whodid/whodid"
)

// Event removes from an event what the trail must not hold: from its text in
// place, from a name that can't be changed by an error. Both the hook, before
// it writes to the spool, and the recorder call it.
func (r *Redactor) Event(e *whodid.Event) (Counts, error) {
	var total Counts
	clean := func(s string) string {
		out, counts := r.Clean(s)
		total = total.Add(counts)
		return out
	}
	e.Target = clean(e.Target)
	e.Why = clean(e.Why)
	e.Approval = clean(e.Approval)
	e.Session = clean(e.Session)
	kind, known := whodid.KindOf(e.What)
	open := known && kind.Open
	for k, v := range e.Data {
		// The names that the catalogue lists need no cleaning.
		if !known || !allows(kind, k) {
			if clean(k) != k {
				delete(e.Data, k)
				continue
			}
		}
		switch v := v.(type) {
		case string:
			if k == "public_key" && e.What == "passkey.register" && isPublicKey(v) {
				continue
			}
			cleaned, ok := clean(v), true
			if open {
				var counts Counts
				cleaned, counts, ok = r.named(k, cleaned)
				total = total.Add(counts)
			}
			switch {
			case !ok:
				delete(e.Data, k)
			case cleaned != v:
				e.Data[k] = cleaned
			}
		case []string:
			decision := k == "signature" && (e.What == "approval.grant" || e.What == "approval.reject")
			vouch := k == "vouch" && e.What == "passkey.register"
			if decision && isSignature(v, whodid.SSHNamespace) || vouch && isSignature(v, whodid.VouchNamespace) {
				continue
			}
			cleaned := make([]string, len(v))
			for i := range v {
				cleaned[i] = clean(v[i])
			}
			e.Data[k] = cleaned
		}
	}
	for _, f := range []struct{ name, value string }{
		{"actor", e.Actor}, {"execution", e.Execution}, {"key", e.Key}, {"source", e.Source}, {"what", e.What},
	} {
		if _, listed := whodid.LookupKind(f.value); listed && f.name == "what" {
			continue // a verb of the catalogue is no secret
		}
		if clean(f.value) != f.value {
			return total, fmt.Errorf("the %s looks like a secret or a person's address and was not recorded", f.name)
		}
	}
	return total, nil
}

// Add adds other counts, and returns the sum.
func (c Counts) Add(other Counts) Counts {
	if c == nil && len(other) > 0 {
		c = make(Counts, len(other))
	}
	for rule, n := range other {
		c[rule] += n
	}
	return c
}

// named takes out of metadata of somebody's own what only its name gives away:
// in DB_PASSWORD=tiger the value looks like any word. It reports false if
// nothing of the value may stay.
func (r *Redactor) named(name, value string) (string, Counts, bool) {
	cleaned, counts := r.Clean(name + "=" + value)
	value, ok := strings.CutPrefix(cleaned, name+"=")
	return value, counts, ok
}

func allows(kind *whodid.Kind, field string) bool {
	_, ok := kind.Allows(field)
	return ok
}
