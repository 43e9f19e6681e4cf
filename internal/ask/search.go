package ask

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// SearchResult is what a search found, the best match first.
type SearchResult struct {
	Hits []Hit `json:"hits"`
	// Complete tells whether nothing else fits; else the cursor goes on.
	Complete bool `json:"complete"`
	// IndexedFrom is the place in the log from which on it can be searched; 0 is
	// all of it. It is more only while a trail is indexed that is older than the
	// index.
	IndexedFrom uint64 `json:"indexed_from"`
	// Cursor asks for what follows; null at the end.
	Cursor *string `json:"cursor"`
}

// Hit is one thing that a search found. What several events tell of is one hit.
type Hit struct {
	// Kind is what it is: execution, decision, approval, pr, issue, commit, file,
	// session or the noun of another verb of the catalogue.
	Kind string `json:"kind"`
	// ID is what names it: an id, a path, acme/shop#44.
	ID string `json:"id"`
	// Title is what it says of itself, and Snippet the part in which words were
	// found. Marks are where in it.
	Title   string `json:"title"`
	Snippet string `json:"snippet"`
	Marks   []Mark `json:"marks"`
	// ActionType, Actor, Target, Result, ExecutionID and EventID are those of the
	// event that fits best.
	ActionType  string `json:"action_type"`
	Actor       string `json:"actor"`
	Target      string `json:"target"`
	Result      string `json:"result"`
	ExecutionID string `json:"execution_id"`
	EventID     string `json:"event_id"`
	// At is when the last of the events happened, and Count how many there are
	// among those that were looked at.
	At    time.Time `json:"at"`
	Count int       `json:"count"`
	// Score is what hits are sorted by.
	Score float64 `json:"score"`
	// Next is the command that shows more.
	Next string `json:"next"`
	seq  uint64
}

// Mark is where words were found in a snippet, in characters.
type Mark struct {
	Start  int `json:"start"`
	Length int `json:"length"`
}

// The bounds of a search. Of each lane the newest that fit are ranked; the next
// page goes on with older ones.
const (
	// searchWindow is how many events of a lane are ranked together, and
	// searchExamine about how many places of the log are looked at for that.
	searchWindow, searchExamine = 250, 48_000
	// bulkWindow and bulkExamine are those of what is done by the thousand.
	bulkWindow, bulkExamine = 100, 32_000
	// searchIndex is how many events a search adds to the index of a trail that is
	// older than it.
	searchIndex = 40_000
)

// DefaultHits and MaxHits are how many hits a page has.
const (
	DefaultHits = 20
	MaxHits     = 100
)

// Search answers what in the trail fits a filter and has all of its words, the
// best match first, from the cursor on.
func (a *Asker) Search(ctx context.Context, sel Selection, cursor string) (*SearchResult, error) {
	q, err := a.newSearch(ctx, &sel)
	if err != nil {
		return nil, err
	}
	place, err := readSearchCursor(cursor, a.now())
	if err != nil {
		return nil, err
	}
	if place.end {
		// What is recorded from now on moves nothing from one page to another.
		size, err := a.Size(ctx)
		if err != nil {
			return nil, err
		}
		place.end, place.before = false, [3]uint64{size, size, size}
	}
	if sel.Limit <= 0 {
		sel.Limit = DefaultHits
	}
	result := &SearchResult{Hits: []Hit{}}
	if result.IndexedFrom, err = a.store.IndexSearch(ctx, a.org, searchIndex); err != nil {
		if errors.Is(err, store.ErrNoLog) {
			result.Complete = true
			return result, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		// Who may only read finds what is indexed, and is told from where on.
	}
	next := place.next()
	q.now = place.asOf
	var hits []Hit
	for _, lane := range whodid.SearchLanes() {
		before := place.before[lane]
		if before == 0 || !q.mayBeIn(lane) {
			next.before[lane] = 0
			continue
		}
		found, err := a.store.Search(ctx, a.org, q.store(lane, before))
		if err != nil {
			return nil, err
		}
		if next.before[lane] = 0; found.More {
			next.before[lane] = found.Next
		}
		for i := range found.Rows {
			hits = append(hits, q.hit(&found.Rows[i], lane))
		}
	}
	hits = together(hits)
	if place.first {
		hits = slices.Insert(hits, 0, a.named(ctx, &sel, q, hits)...)
	}
	from := min(place.offset, len(hits))
	to := min(from+sel.Limit, len(hits))
	result.Hits = append(result.Hits, hits[from:to]...)
	switch {
	case to < len(hits):
		place.offset = to
		result.Cursor = place.write()
	case next.more():
		result.Cursor = next.write()
	default:
		result.Complete = result.IndexedFrom == 0
	}
	return result, nil
}

// search is a filter as a search reads it.
type search struct {
	all, none []phrase
	sel       store.Selection
	runs      []whodid.Term
	kinds     []whodid.Term // those that name verbs
	now       time.Time
	scores    map[uint64]scored
}

func (a *Asker) newSearch(ctx context.Context, sel *Selection) (*search, error) {
	if err := sel.Filter.Check("hits", whodid.SearchFields()); err != nil {
		return nil, err
	}
	filter, err := a.placed(ctx, sel.Filter)
	if err != nil {
		return nil, err
	}
	q := &search{scores: map[uint64]scored{}, sel: store.Selection{Squads: sel.Squads, Since: sel.Filter.Since, Until: sel.Filter.Until}}
	for _, t := range filter.Terms {
		switch {
		case t.Field == whodid.FilterText:
			p := newPhrase(t.Values[0])
			if len(p.words) == 0 {
				return nil, fmt.Errorf("%w: there is no word in %q to search for", whodid.ErrFilter, t.Values[0])
			}
			if t.Not {
				q.none = append(q.none, p)
			} else {
				q.all = append(q.all, p)
			}
		case slices.Contains(whodid.EventFields(), t.Field):
			q.sel.Terms = append(q.sel.Terms, t)
			if t.Field == whodid.FilterType || t.Field == whodid.FilterKind {
				q.kinds = append(q.kinds, t)
			}
		default:
			q.runs = append(q.runs, t)
		}
	}
	if len(sel.Filter.Terms) == 0 {
		return nil, fmt.Errorf("%w: there is nothing to search for", whodid.ErrFilter)
	}
	return q, nil
}

// mayBeIn tells whether events of the lane can have the kinds that are asked for.
// Scripts name kinds of their own, all of them of one lane.
func (q *search) mayBeIn(lane whodid.SearchLane) bool {
	if len(q.kinds) == 0 || lane == whodid.SearchWork {
		return true
	}
	f := whodid.Filter{Terms: q.kinds}
	for _, k := range whodid.Catalogue() {
		if whodid.SearchLaneOf(k.Name) == lane && f.MatchEvent(&whodid.Event{What: k.Name}) {
			return true
		}
	}
	return false
}

func (q *search) store(lane whodid.SearchLane, before uint64) *store.SearchQuery {
	s := &store.SearchQuery{
		Selection: q.sel, Runs: q.runs, Lane: lane, Before: before, Max: searchWindow, Examine: searchExamine, Accept: q.accept,
	}
	if lane == whodid.SearchBulk {
		s.Max, s.Examine = bulkWindow, bulkExamine
	}
	for _, p := range q.all {
		s.Words = append(s.Words, p.words...)
	}
	return s
}

// hit makes a hit of an event.
func (q *search) hit(r *store.Row, lane whodid.SearchLane) Hit {
	found := q.scores[r.Seq]
	h := Hit{
		Kind: noun(r.What), ID: r.ID, ActionType: r.What, Actor: r.Actor, Target: r.Target, Result: string(r.Result),
		ExecutionID: r.Execution, EventID: r.ID, At: r.At.UTC(), Count: 1, seq: r.Seq, Marks: []Mark{},
	}
	if parts := r.SearchParts(); len(parts) > 0 {
		h.Title = excerpt(parts[0].Text)
		h.Snippet = h.Title
	}
	if found.part != "" {
		h.Snippet, h.Marks = snippet(found.part, found.spans)
	}
	h.identify(r)
	// What was said counts more than what was done, and that more than what is
	// done all day; what is a quarter old counts half.
	age := max(q.now.Sub(r.At), 0)
	score := float64(max(found.score, 1)) * float64(lane+1) / (1 + age.Hours()/(90*24))
	h.Score = math.Round(score*1000) / 1000
	return h
}

// noun is what a verb of the catalogue is about.
func noun(what string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(what, "forge."), ".")
	return name
}

// identify names what the event tells of, so that all that tell of it are one
// hit, and the command that shows it.
func (h *Hit) identify(r *store.Row) {
	show := func(command, id string) { h.ID, h.Next = id, "whodid "+command+" "+quoted(id) }
	switch {
	case h.Kind == "execution" && r.Execution != "":
		show("exec show", r.Execution)
	case h.Kind == "approval" && r.Approval != "":
		show("approval show", r.Approval)
	case h.Kind == "session" && r.Session != "":
		show("session show", r.Session)
	case r.What == "decision.supersede", r.What == "decision.outcome":
		show("memory show", r.Target)
	case h.Kind == "decision":
		show("memory show", r.ID)
	case r.What == "exception.add":
		show("exception show", r.ID)
	case h.Kind == "pr" && strings.ContainsAny(r.Target, "#!"):
		show("pr show", r.Target)
	case (h.Kind == "file" || h.Kind == "issue") && r.Target != "":
		h.ID = r.Target
		h.Next = "whodid action list " + quoted(`target:"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(r.Target)+`"`)
	case r.What == "commit.attribute" && r.Data.String("sha") != "":
		show("why", r.Data.String("sha"))
	case r.Execution != "":
		h.Next = "whodid exec show " + quoted(r.Execution)
	default:
		h.Next = "whodid prove " + quoted("event:"+r.ID)
	}
}

// quoted writes a word for a shell, so that it is nothing but itself there. What
// can't be shown is not written.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,", r)
	}
	if s != "" && s[0] != '-' && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// together makes hits on the same thing one, and sorts them: the best first, of
// equals the newest, and of those the last recorded.
func together(hits []Hit) []Hit {
	better := func(x, y Hit) int {
		return cmp.Or(cmp.Compare(y.Score, x.Score), y.At.Compare(x.At), cmp.Compare(y.seq, x.seq))
	}
	slices.SortFunc(hits, better)
	at := make(map[[2]string]int, len(hits))
	out := hits[:0]
	for _, h := range hits {
		i, known := at[[2]string{h.Kind, h.ID}]
		if !known {
			at[[2]string{h.Kind, h.ID}] = len(out)
			out = append(out, h)
			continue
		}
		out[i].Count++
		if h.At.After(out[i].At) {
			out[i].At = h.At
		}
	}
	slices.SortStableFunc(out, better)
	return out
}

// named are the run or the event that one of the words is the id of, or its
// beginning.
func (a *Asker) named(ctx context.Context, sel *Selection, q *search, hits []Hit) []Hit {
	var out []Hit
	for _, t := range sel.Filter.Terms {
		if t.Field != whodid.FilterText || t.Not || len(sel.Filter.Terms) > 1 {
			continue
		}
		id := t.Values[0]
		var found Hit
		switch {
		case strings.HasPrefix(id, whodid.PrefixExecution+"-"):
			show, err := a.ShowTo(ctx, id, sel.Squads)
			if err != nil {
				continue // it is a word like any other
			}
			x := &show.Execution
			found = Hit{Kind: "execution", ID: x.ExecutionID, Title: excerpt(cmp.Or(x.Why, x.Agent)), ActionType: "execution.start", Actor: whodid.AgentActor(x.Agent), Result: x.Status, ExecutionID: x.ExecutionID, Next: "whodid exec show " + x.ExecutionID}
			if x.StartedAt != nil {
				found.At = *x.StartedAt
			}
		case strings.HasPrefix(id, whodid.PrefixEvent+"-"), strings.HasPrefix(id, "try-"):
			e, err := a.Event(ctx, id, sel.Squads)
			if err != nil {
				continue
			}
			row := store.Row{Seq: e.Seq, Event: whodid.Event{
				ID: e.EventID, What: e.What, Actor: e.Actor, At: e.At, Target: e.Target, Why: e.Why, Result: whodid.Result(e.Result),
				Execution: e.Execution, Session: e.Session, Approval: e.Approval, Data: e.Metadata,
			}}
			found = q.hit(&row, whodid.SearchLaneOf(e.What))
		default:
			continue
		}
		found.Snippet, found.Marks, found.Count = found.Title, []Mark{}, 1
		if slices.ContainsFunc(hits, func(h Hit) bool { return h.Kind == found.Kind && h.ID == found.ID }) {
			continue
		}
		found.Score = 1000
		out = append(out, found)
	}
	return out
}
