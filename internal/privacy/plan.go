// Package privacy answers people who ask what the trail holds of them, and who
// ask to be forgotten. It finds what is meant, lets the store erase it, keeps the
// list of what was erased apart from the trail, and certifies it. The proof of
// everything stays: leaves hold commitments, never values.
package privacy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Kind is what a selector selects by.
type Kind string

// The kinds of selectors.
const (
	ByPerson    Kind = "person"
	ByExecution Kind = "execution"
	ByPath      Kind = "path"
)

// Selector says what is asked for.
type Selector struct {
	Kind Kind
	// Value is the execution's id or the path.
	Value string
	// Pseudonyms are those of the person: each source of events knows people by
	// something else.
	Pseudonyms []string
	// Texts are words by which the person is known besides: what holds one of
	// them is about the person. Case makes no difference.
	Texts []string
}

// String is how an approval's digest and messages name the selector. It must not
// be recorded: a path is what is to be forgotten.
func (s *Selector) String() string {
	return string(s.Kind) + " " + s.Value + strings.Join(s.Pseudonyms, " ")
}

// words are what the texts of the selector's events are searched for.
func (s *Selector) words() []string {
	return slices.DeleteFunc(slices.Concat(s.Pseudonyms, s.Texts), func(word string) bool { return len(word) < shortestText })
}

// Counts say what an erasure takes, by numbers only.
type Counts struct {
	Events     int            `json:"events"`
	Fields     int            `json:"fields"`
	Kinds      map[string]int `json:"kinds"`
	Executions int            `json:"executions"`
	Commits    int            `json:"commits"`
	Tokens     int            `json:"tokens"`
	Names      int            `json:"names"`
	Logs       int            `json:"logs"`
	Held       int            `json:"held"`
}

// Held is an event that a hold keeps.
type Held struct {
	EventID string `json:"event_id"`
	Hold    string `json:"hold"`
}

// Plan is what an erasure would do to the trail as it is.
type Plan struct {
	Selector Selector
	Counts   Counts
	Held     []Held
	// Size and Root are where the log stood: nothing after it is concerned.
	Size uint64
	Root proof.Hash

	events         []store.Taking
	sessions       map[session]bool // of the events
	authors, files []store.CommitRef
	tokens         []string
	// Executions are the runs whose logs go.
	Executions []string
	// personHeld keeps what is not in events: the name, tokens, and commits.
	personHeld bool
}

// session is one of a client, by the client's own id.
type session struct{ client, id string }

// Trail is what a plan is made from. internal/store is the implementation.
type Trail interface {
	Snapshot(ctx context.Context, org string) (*store.Snapshot, error)
	CommitsBy(ctx context.Context, org, pseudonym string) ([]store.CommitRef, error)
	CommitsWith(ctx context.Context, org string, match func(files string) bool) ([]store.CommitRef, error)
	Tokens(ctx context.Context, org string) ([]store.Token, error)
	People(ctx context.Context, org string) ([]store.Person, error)
	// RetentionEvents are those that place and release holds.
	RetentionEvents(ctx context.Context, org string) ([]store.Row, error)
}

// ErrNothing means that the trail holds nothing of what was asked for.
var ErrNothing = errors.New("the trail holds nothing of it")

// makePlan reads the whole trail and finds what the selector means. What a hold
// covers is left out and listed; an export, which takes nothing, has none.
func makePlan(ctx context.Context, trail Trail, org string, sel Selector, holds Holds) (*Plan, error) {
	snapshot, err := trail.Snapshot(ctx, org)
	if err != nil {
		return nil, err
	}
	defer snapshot.Close()
	p := &Plan{Selector: sel, Size: snapshot.Head.Frontier.Size(), Root: snapshot.Head.Frontier.Root()}
	p.Counts.Kinds, p.sessions = map[string]int{}, map[session]bool{}
	if err := p.readPeople(ctx, trail, org); err != nil {
		return nil, err
	}
	m := newMatcher(&p.Selector)
	if sel.Kind == ByExecution {
		if err := m.addParts(ctx, snapshot, p.Size); err != nil {
			return nil, err
		}
	}
	if holds != nil {
		stand, err := standing(ctx, trail, org)
		if err != nil {
			return nil, err
		}
		holds, p.personHeld = holds.placed(stand), holdPerson(stand, m.actors)
	}
	runs := map[string]bool{}
	err = snapshot.Scan(ctx, 0, p.Size, func(r *store.Row, _ string) error {
		fields := m.fields(r)
		fields = slices.DeleteFunc(fields, func(field string) bool { return !present(r, field) })
		if len(fields) == 0 {
			return nil
		}
		if err := r.ParseData(); err != nil {
			return err
		}
		if holds != nil {
			if hold, held := holds(&r.Event); held {
				p.Held = append(p.Held, Held{EventID: r.ID, Hold: hold})
				return nil
			}
		}
		p.events = append(p.events, store.Taking{Event: r.ID, Fields: fields})
		p.Counts.Fields += len(fields)
		p.Counts.Kinds[r.What]++
		if _, client, _ := strings.Cut(r.Source, ":"); r.Session != "" {
			p.sessions[session{client, r.Session}] = true
		}
		for _, id := range r.Folds() {
			runs[id] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := p.readViews(ctx, trail, org, m); err != nil {
		return nil, err
	}
	if sel.Kind == ByExecution && len(p.Held) == 0 {
		p.Executions = slices.Sorted(maps.Keys(m.runs))
	}
	c := &p.Counts
	c.Events, c.Held, c.Executions = len(p.events), len(p.Held), len(runs)
	c.Commits, c.Tokens = len(p.authors)+len(p.files), len(p.tokens)
	return p, nil
}

// Empty tells whether there is nothing to erase.
func (p *Plan) Empty() bool {
	c := &p.Counts
	return c.Events+c.Commits+c.Tokens+c.Names == 0
}

// readPeople adds what the table of people calls the person.
func (p *Plan) readPeople(ctx context.Context, trail Trail, org string) error {
	if p.Selector.Kind != ByPerson {
		return nil
	}
	people, err := trail.People(ctx, org)
	if err != nil {
		return err
	}
	for _, person := range people {
		if !slices.Contains(p.Selector.Pseudonyms, person.Pseudonym) {
			continue
		}
		p.Counts.Names++
		for _, text := range []string{person.Name, person.Email} {
			if text != "" {
				p.Selector.Texts = append(p.Selector.Texts, text)
			}
		}
	}
	return nil
}

// readViews finds what is not in events: the index of git, and tokens. What is
// held there a hold on events does not say.
func (p *Plan) readViews(ctx context.Context, trail Trail, org string, m *matcher) (err error) {
	switch p.Selector.Kind {
	case ByPath:
		p.files, err = trail.CommitsWith(ctx, org, m.inFiles)
		return err
	case ByExecution:
		return nil
	case ByPerson:
		if p.personHeld {
			p.Counts.Names = 0
			return nil
		}
	}
	for _, pseudonym := range p.Selector.Pseudonyms {
		commits, err := trail.CommitsBy(ctx, org, pseudonym)
		if err != nil {
			return err
		}
		p.authors = append(p.authors, commits...)
	}
	tokens, err := trail.Tokens(ctx, org)
	for i := range tokens {
		if m.actors[tokens[i].Person] {
			p.tokens = append(p.tokens, tokens[i].ID)
		}
	}
	return err
}

// present tells whether an event has a value of a field that can be erased.
func present(r *store.Row, field string) bool {
	switch field {
	case proof.FieldActor:
		return whodid.IsHuman(r.Actor) && r.Actor != proof.ErasedActor
	case proof.FieldOnBehalfOf:
		return r.OnBehalfOf != "" && r.OnBehalfOf != proof.ErasedActor
	case proof.FieldTarget:
		return r.Target != ""
	case proof.FieldWhy:
		return r.Why != ""
	default:
		return len(r.DataText) > len("{}")
	}
}

// shortestText is the length of the shortest word that is looked for in texts.
// Shorter ones would be found in everything.
const shortestText = 4

// isPart tells whether an event begins a sub-agent, which is a part of its
// parent's run.
func isPart(e *whodid.Event) bool {
	return e.What == "execution.start" && e.Data.String("parent") != "" && e.Data.String("agent_type")+e.Data.String("agent_id") != ""
}

// matcher finds what a selector means.
type matcher struct {
	kind   Kind
	actors map[string]bool
	texts  [][]byte // small letters
	path   string
	runs   map[string]bool
}

func newMatcher(s *Selector) *matcher {
	m := &matcher{kind: s.Kind}
	switch s.Kind {
	case ByPerson:
		m.actors = map[string]bool{}
		for _, pseudonym := range s.Pseudonyms {
			m.actors[whodid.HumanActor(pseudonym)] = true
		}
		for _, word := range s.words() {
			m.texts = append(m.texts, bytes.ToLower([]byte(word)))
		}
	case ByExecution:
		m.runs = map[string]bool{s.Value: true}
	case ByPath:
		m.path = strings.TrimRight(s.Value, "/")
	}
	return m
}

// addParts adds the sub-agents of the run: they are parts of it.
func (m *matcher) addParts(ctx context.Context, snapshot *store.Snapshot, size uint64) error {
	for grown := true; grown; {
		grown = false
		err := snapshot.Scan(ctx, 0, size, func(r *store.Row, _ string) error {
			if r.What != "execution.start" || m.runs[r.Execution] {
				return nil
			}
			if err := r.ParseData(); err != nil {
				return err
			}
			if m.runs[r.Data.String("parent")] && isPart(&r.Event) {
				m.runs[r.Execution], grown = true, true
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fields are those of an event that the selector means.
func (m *matcher) fields(r *store.Row) (fields []string) {
	switch m.kind {
	case ByExecution:
		if m.runs[r.Execution] {
			return proof.Fields()
		}
	case ByPath:
		if m.atOrBelow(r.Target) || m.dataBelow(r) {
			return []string{proof.FieldData, proof.FieldTarget, proof.FieldWhy}
		}
	case ByPerson:
		if m.actors[r.Actor] {
			fields = append(fields, proof.FieldActor)
		}
		if m.actors[r.OnBehalfOf] {
			fields = append(fields, proof.FieldOnBehalfOf)
		}
		if m.tells(r.DataText) || m.actors[r.Actor] && bytes.Contains(r.DataText, []byte(`"signing_key":`)) {
			// The fingerprint of a key tells whose it is.
			fields = append(fields, proof.FieldData)
		}
		of := m.tells([]byte(r.Target))
		if of {
			fields = append(fields, proof.FieldTarget)
		}
		// What is noted of a person's request is about them whatever its words.
		if m.tells([]byte(r.Why)) || of && strings.HasPrefix(r.What, "privacy.") {
			fields = append(fields, proof.FieldWhy)
		}
	}
	return fields
}

// tells whether a text speaks of the person.
func (m *matcher) tells(text []byte) bool {
	if len(text) < shortestText {
		return false
	}
	lower := bytes.ToLower(text)
	return slices.ContainsFunc(m.texts, func(t []byte) bool {
		if bytes.Contains(lower, t) {
			return true
		}
		// As JSON writes it.
		escaped := whodid.AppendJSONString(nil, string(t))
		return bytes.Contains(lower, escaped[1:len(escaped)-1])
	})
}

func (m *matcher) atOrBelow(path string) bool {
	rest, ok := strings.CutPrefix(path, m.path)
	return ok && m.path != "" && (rest == "" || rest[0] == '/' || rest[0] == '#' || rest[0] == ':')
}

func (m *matcher) dataBelow(r *store.Row) bool {
	// Most events are told apart without reading their metadata. A path in it is
	// written as JSON.
	escaped := whodid.AppendJSONString(nil, m.path)
	if !bytes.Contains(r.DataText, escaped[1:len(escaped)-1]) || r.ParseData() != nil {
		return false
	}
	for _, v := range r.Data {
		switch v := v.(type) {
		case string:
			if m.atOrBelow(v) {
				return true
			}
		case []string:
			if slices.ContainsFunc(v, m.atOrBelow) {
				return true
			}
		}
	}
	return false
}

// inFiles tells whether the files of a commit, as the index has them, are at the
// path or below it.
func (m *matcher) inFiles(text string) bool {
	var files []store.CommitFile
	if json.Unmarshal([]byte(text), &files) != nil {
		return strings.Contains(text, m.path)
	}
	return slices.ContainsFunc(files, func(f store.CommitFile) bool { return m.atOrBelow(f.Path) })
}

// kindList writes counts by kind as "kind=number", sorted.
func kindList(kinds map[string]int) []string {
	list := make([]string, 0, len(kinds))
	for _, what := range slices.Sorted(maps.Keys(kinds)) {
		list = append(list, fmt.Sprintf("%s=%d", what, kinds[what]))
	}
	return list
}
