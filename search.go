package whodid

import (
	"slices"
	"strings"
	"sync"
	"unicode"
)

// SearchPart is one text of an event that a search looks at.
type SearchPart struct {
	Text string
	// Weight is how much a word counts that stands here.
	Weight int
}

// How much a word counts by where it stands: what was said more than what it is
// about, that more than what is beside it.
const (
	saidWeight   = 4
	targetWeight = 3
	whyWeight    = 3
	besideWeight = 2
	nameWeight   = 1
)

// said are the fields that say what an event is about in a sentence.
var said = []string{"decided", "summary", "effect", "goal", "title", "note", "text"}

// named are technical fields that people look for all the same: ids of commits,
// rules, programs.
var named = []string{"sha", "commit", "program", "subcommand", "rule", "package", "version", "environment", "for_agent", "type"}

// searchField is a field of a kind that a search looks at.
type searchField struct {
	name   string
	list   bool
	weight int
}

// searched are the fields of a kind that a search looks at, in the order of the
// catalogue, and the names of all of its fields.
type searched struct {
	fields []searchField
	listed map[string]bool
}

func searchedOf(kind *Kind) searched {
	s := searched{listed: make(map[string]bool, len(kind.Fields))}
	for _, f := range kind.Fields {
		s.listed[f.Name] = true
		weight := besideWeight
		switch {
		case f.Type != String && f.Type != List:
			continue
		case slices.Contains(said, f.Name) && f.Type == String:
			weight = saidWeight
		case slices.Contains(named, f.Name):
			weight = nameWeight
		case f.Privacy != Linkable:
			continue
		}
		s.fields = append(s.fields, searchField{f.Name, f.Type == List, weight})
	}
	slices.SortStableFunc(s.fields, func(a, b searchField) int { return b.weight - a.weight })
	return s
}

// searchedByKind has what is searched of each kind; the empty name is of those
// that scripts define.
var searchedByKind = sync.OnceValue(func() map[string]searched {
	m := map[string]searched{"": searchedOf(&Kind{Fields: actionFields()})}
	for name, k := range kindsByName() {
		m[name] = searchedOf(k)
	}
	return m
})

// SearchParts returns the texts of an event that a search looks at. The rule is
// the catalogue's: what it says in a sentence, target, reason and every field
// that may hold words of people (linkable ones), so that a kind that is new is
// found without a word here. What an event does not have is left out.
func (e *Event) SearchParts() []SearchPart {
	parts := make([]SearchPart, 0, 8)
	add := func(text string, weight int) {
		if text != "" {
			parts = append(parts, SearchPart{text, weight})
		}
	}
	of, ok := searchedByKind()[e.What]
	if !ok {
		of = searchedByKind()[""]
	}
	own := func(from, to int) {
		for _, f := range of.fields {
			if f.weight < from || f.weight > to {
				continue
			}
			if f.list {
				add(strings.Join(e.Data.List(f.name), " "), f.weight)
			} else {
				add(e.Data.String(f.name), f.weight)
			}
		}
	}
	if len(e.Data) > 0 {
		own(saidWeight, saidWeight)
	}
	add(e.Target, targetWeight)
	add(e.Why, whyWeight)
	if len(e.Data) > 0 {
		own(nameWeight, besideWeight)
		var more []string // what people and scripts may add, in a fixed order
		for name := range e.Data {
			if !of.listed[name] {
				more = append(more, name)
			}
		}
		slices.Sort(more)
		for _, name := range more {
			add(e.Data.String(name), besideWeight)
		}
	}
	if SearchLaneOf(e.What) != SearchBulk {
		add(AgentOf(e.Actor), nameWeight)
		add(e.What, nameWeight)
	}
	return parts
}

// SearchLane tells how easily an event is lost among others: the lanes are
// searched apart, so that a decision of last year is not hidden behind a hundred
// thousand reads of a file.
type SearchLane int

// The lanes of a search.
const (
	// SearchBulk is what agents do by the thousand.
	SearchBulk SearchLane = iota
	// SearchWork is runs, sessions and what happens at the forge.
	SearchWork
	// SearchWord is what somebody said: decisions, approvals, exceptions, all that
	// is kept for ever.
	SearchWord
)

// SearchLanes lists the lanes.
func SearchLanes() []SearchLane { return []SearchLane{SearchWord, SearchWork, SearchBulk} }

// BulkKinds are the kinds of [SearchBulk].
func BulkKinds() []string {
	return []string{
		"agent.spawn", "build.run", "checkpoint.witness", "commit.attribute", "execution.renew", "file.delete", "file.edit", "file.move", "file.read",
		"file.search", "file.write", "git.index", "mcp.call", "model.call", "model.reprice", "permission.decide", "policy.verdict", "record.gap", "record.receive", "record.sync",
		"shell.run", "test.run", "tool.call", "turn.complete", "turn.fail", "view.export", "view.read", "web.fetch", "web.search",
	}
}

// SearchLaneOf returns the lane of a kind.
func SearchLaneOf(what string) SearchLane {
	kind, ok := LookupKind(what)
	switch {
	case bulkKinds()[what]:
		return SearchBulk
	case ok && kind.Class == ClassPermanent:
		return SearchWord
	default:
		return SearchWork
	}
}

var bulkKinds = sync.OnceValue(func() map[string]bool {
	m := map[string]bool{}
	for _, name := range BulkKinds() {
		m[name] = true
	}
	return m
})

// SearchWords cuts text into the words that a search compares: all that is
// neither letter nor digit separates them, in small letters. A name such as
// rotateToken gives its parts beside the whole, in the order of the text; at is
// where each begins in the text, in bytes.
func SearchWords(text string, yield func(word string, at, end int)) {
	start := -1
	for i, r := range text {
		inside := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
		switch {
		case inside && start < 0:
			start = i
		case !inside && start >= 0:
			searchWord(text, start, i, yield)
			start = -1
		}
	}
	if start >= 0 {
		searchWord(text, start, len(text), yield)
	}
}

func searchWord(text string, start, end int, yield func(word string, at, end int)) {
	yield(lowerWord(text[start:end]), start, end)
	// A capital letter behind a small one begins a part.
	part, last, parts := start, rune(0), 0
	for i, r := range text[start:end] {
		if unicode.IsUpper(r) && unicode.IsLower(last) {
			yield(lowerWord(text[part:start+i]), part, start+i)
			part = start + i
			parts++
		}
		last = r
	}
	if parts > 0 {
		yield(lowerWord(text[part:end]), part, end)
	}
}

// lowerWord makes a word small without a copy, if it is so already.
func lowerWord(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' || c >= 0x80 {
			return strings.ToLower(s)
		}
	}
	return s
}
