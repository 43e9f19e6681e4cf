package price

import (
	"strings"
	"time"
)

const (
	// maxName is the length in bytes from which the name of a provider or model
	// is taken for garbage. The longest in the table of 2026-09 has 61.
	maxName = 256
	// maxFound bounds the memory of answers, for callers that pass on names
	// which somebody else chose.
	maxFound = 1024
	// synthetic is what Claude Code writes in place of a model for messages
	// that no model made.
	synthetic = "<synthetic>"
	// litellm is the provider of names that carry the true provider before a
	// slash.
	litellm = "litellm"
)

// name is what a caller knows of a model.
type name struct{ provider, model string }

// offer is a model in the table with who sells it at that price; both are nil
// when nothing fits.
type offer struct {
	provider *provider
	model    *model
}

// provider is one seller of models. Rules see lower-case names only.
type provider struct {
	id        string
	named     rule // accepts other names of the provider; may be nil
	sells     rule // accepts names of models that point to this provider when none is given; may be nil
	models    []model
	fallbacks []string // ids of providers whose models this one resells at their price
}

// model is one model of one provider.
type model struct {
	id      string
	matches rule
	tariffs []dated // at least one
}

// find returns the offer for a name, and remembers it: a run asks for the same
// few models again and again, and walking the rules takes longer than computing
// the cost.
func (t *Table) find(n name) offer {
	if len(n.model) > maxName || len(n.provider) > maxName {
		return offer{}
	}
	t.mu.RLock()
	o, ok := t.found[n]
	t.mu.RUnlock()
	if ok {
		return o
	}
	o = t.search(normal(n.provider), normal(n.model))
	// The caller's strings may be slices of something large.
	n = name{provider: strings.Clone(n.provider), model: strings.Clone(n.model)}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.found) >= maxFound {
		clear(t.found)
	}
	t.found[n] = o
	return o
}

func normal(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// search walks the rules in the order of the table, in which the first that
// fits wins.
func (t *Table) search(seller, wanted string) offer {
	if wanted == "" || wanted == synthetic {
		return offer{}
	}
	if seller == "" {
		if o := t.sold(t.sellerOf(wanted), wanted); o.model != nil {
			return o
		}
		if !strings.Contains(wanted, "/") {
			return offer{}
		}
		seller = litellm
	}
	if seller == litellm {
		if prefix, rest, ok := strings.Cut(wanted, "/"); ok && prefix != "" && rest != "" && t.called(prefix) != nil {
			return t.sold(t.called(prefix), rest)
		}
		if p := t.called(litellm); p != nil {
			return t.sold(p, wanted)
		}
		return t.sold(t.sellerOf(wanted), wanted)
	}
	return t.sold(t.called(seller), wanted)
}

// called returns the provider with that id, or else the first whose rule
// accepts the name.
func (t *Table) called(seller string) *provider {
	if p := t.byID[seller]; p != nil {
		return p
	}
	for i := range t.providers {
		if p := &t.providers[i]; p.named != nil && p.named(seller) {
			return p
		}
	}
	return nil
}

// sellerOf returns the first provider whose rule claims the model.
func (t *Table) sellerOf(wanted string) *provider {
	for i := range t.providers {
		if p := &t.providers[i]; p.sells != nil && p.sells(wanted) {
			return p
		}
	}
	return nil
}

// sold looks for the model at a provider and those whose models it resells,
// first by the name as it is and then with a compact date spelled out.
func (t *Table) sold(p *provider, wanted string) offer {
	if p == nil {
		return offer{}
	}
	if o := t.listed(p, wanted); o.model != nil {
		return o
	}
	if dashed := dashDates(wanted); dashed != wanted {
		return t.listed(p, dashed)
	}
	return offer{}
}

func (t *Table) listed(p *provider, wanted string) offer {
	if m := p.find(wanted); m != nil {
		return offer{provider: p, model: m}
	}
	for _, id := range p.fallbacks {
		if other := t.byID[id]; other != nil {
			if m := other.find(wanted); m != nil {
				return offer{provider: p, model: m}
			}
		}
	}
	return offer{}
}

func (p *provider) find(wanted string) *model {
	for i := range p.models {
		if p.models[i].matches(wanted) {
			return &p.models[i]
		}
	}
	return nil
}

// dashDates rewrites each "-20250929" that ends a part of a name to
// "-2025-09-29", which is how some rules of the table have it.
func dashDates(s string) string {
	const compact, date = "-20060102", "20060102"
	var out strings.Builder
	for i := 0; i < len(s); {
		end := i + len(compact)
		if s[i] == '-' && end <= len(s) && (end == len(s) || s[end] == '-' || s[end] == ':') && s[i+1:i+3] == "20" {
			if day, err := time.Parse(date, s[i+1:end]); err == nil {
				out.WriteString(day.Format("-2006-01-02"))
				i = end
				continue
			}
		}
		out.WriteByte(s[i])
		i++
	}
	return out.String()
}
