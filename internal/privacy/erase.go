package privacy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Recorder takes events into the trail. internal/record is the implementation.
type Recorder interface {
	Record(ctx context.Context, events ...whodid.Event) ([]*store.Row, error)
}

// Service erases and exports in the trail of one organisation.
type Service struct {
	Org      string
	Store    *store.Store
	Recorder Recorder // nil where nothing can be recorded
	List     List
	// Logs is the folder of the output of runs.
	Logs string
	// ForgetActions removes what is noted of a session's actions beside the trail;
	// nil where nothing is.
	ForgetActions func(client, session string) error
	Now           func() time.Time
	// Holds are those that keep events; nil is none.
	Holds Holds
}

// Who asks for something, or let it be done.
type Who struct {
	Actor, Auth string
	// Approval is that of the second person; empty if none was needed.
	Approval string
	// Request is what the person asked, which this answers, as an event id; empty if
	// nobody did.
	Request string
	Source  string
}

// Result is what an erasure did.
type Result struct {
	EventID string `json:"event_id"`
	Counts
	// Rewritten tells whether the database's files were rewritten, so that
	// nothing of the values is left in them; if not, Left says what to do.
	Rewritten bool   `json:"rewritten"`
	Left      string `json:"left"`
	// LogUntil and LogSegment are how far PostgreSQL's write-ahead log, and archives
	// of it, may still have it; see [Files].
	LogUntil   string `json:"log_until"`
	LogSegment string `json:"log_segment"`
}

// Plan finds what a selector means.
func (s *Service) Plan(ctx context.Context, sel Selector) (*Plan, error) {
	p, err := makePlan(ctx, s.Store, s.Org, sel, s.Holds)
	if err != nil {
		return nil, err
	}
	for _, id := range p.Executions {
		if _, err := os.Lstat(s.logOf(id)); err == nil {
			p.Counts.Logs++
		}
	}
	return p, s.markFlaws(ctx, p)
}

// markFlaws sees to it that decisions that did not count don't count afterwards,
// when what was wrong with them can't be seen any more.
func (s *Service) markFlaws(ctx context.Context, p *Plan) error {
	var ids []string
	for _, t := range p.events {
		ids = append(ids, t.Event)
	}
	if p.Counts.Kinds["approval.grant"]+p.Counts.Kinds["approval.request"] == 0 {
		return nil
	}
	rows, err := s.Store.EventsByID(ctx, s.Org, ids)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	var approvals []string
	for i := range rows {
		if id := rows[i].Approval; id != "" && strings.HasPrefix(rows[i].What, "approval.") && !seen[id] {
			seen[id] = true
			approvals = append(approvals, id)
		}
	}
	parts, err := s.Store.ApprovalParts(ctx, s.Org, approvals)
	if err != nil {
		return err
	}
	flawed := map[string]bool{}
	for _, id := range approvals {
		if a, ok := whodid.FoldApproval(parts[id], s.Now()); ok && a.Flaw != "" {
			flawed[a.Decision] = true
		}
	}
	for i := range p.events {
		p.events[i].Nobody = flawed[p.events[i].Event]
		delete(flawed, p.events[i].Event)
	}
	for id := range flawed {
		// Only its request is erased: the decision loses its actor with it.
		p.events = append(p.events, store.Taking{Event: id, Fields: []string{proof.FieldActor}, Nobody: true})
		p.Counts.Events++
		p.Counts.Fields++
		p.Counts.Kinds["approval.grant"]++
	}
	return nil
}

// Erase carries a plan out. The request is recorded first and put on the list
// that is kept apart, so that whatever happens then, it is carried out at the
// latest when the trail is opened again.
func (s *Service) Erase(ctx context.Context, p *Plan, reason string, who Who) (*Result, error) {
	if p.Empty() {
		return nil, ErrNothing
	}
	log, err := s.Store.Log(ctx, s.Org)
	if err != nil {
		return nil, err
	}
	r := newRequest(p, log.Origin, s.Now())
	if who.Request != "" {
		r.Data["request"] = who.Request
	}
	e := whodid.Event{
		Key: r.Key, What: "privacy.erase", At: r.At, Actor: who.Actor, ActorAuth: who.Auth, Source: who.Source,
		Why: p.clean(reason), Approval: who.Approval, Data: r.Data,
	}
	people := p.people()
	if slices.Contains(people, e.Actor) {
		// Who asks to be forgotten is forgotten in the request too.
		e.Actor, e.ActorAuth = proof.ErasedActor, ""
	}
	rows, err := s.Recorder.Record(ctx, e)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, errors.New("the request to erase was not recorded")
	}
	r.ID = rows[0].ID
	if err := s.List.Add(r); err != nil {
		return nil, err
	}
	for of := range p.sessions {
		if s.ForgetActions == nil {
			break
		}
		if err := s.ForgetActions(of.client, of.id); err != nil {
			return nil, err
		}
	}
	if p.personHeld {
		people = nil
	}
	done, err := s.carryOut(ctx, r, people)
	if err != nil {
		return nil, err
	}
	return &Result{EventID: r.ID, Counts: p.Counts, Rewritten: done.Rewritten, Left: done.Left, LogUntil: done.Log, LogSegment: done.Segment}, nil
}

// people are the actors of a plan's person.
func (p *Plan) people() (actors []string) {
	for _, pseudonym := range p.Selector.Pseudonyms {
		actors = append(actors, whodid.HumanActor(pseudonym))
	}
	return actors
}

// clean takes out of a reason what is about to be erased.
func (p *Plan) clean(reason string) string {
	out := reason
	words := p.Selector.words()
	if p.Selector.Kind == ByPath {
		words = []string{p.Selector.Value}
	}
	for _, word := range words {
		out = regexp.MustCompile("(?i)"+regexp.QuoteMeta(word)).ReplaceAllLiteralString(out, "[erased]")
	}
	return out
}

// carryOut erases in the trail, and the logs of runs.
func (s *Service) carryOut(ctx context.Context, r *Request, people []string) (store.Erased, error) {
	e, err := r.erasure(people)
	if err != nil {
		return store.Erased{}, err
	}
	done, err := s.Store.Erase(ctx, s.Org, e)
	if err != nil {
		return done, err
	}
	for _, id := range r.Logs {
		if err := os.Remove(s.logOf(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return done, fmt.Errorf("couldn't remove the log of %s: %w", id, err)
		}
	}
	return done, nil
}

func (s *Service) logOf(execution string) string {
	return filepath.Join(s.Logs, filepath.Base(execution)+".log")
}

// Reapplied is what was carried out again.
type Reapplied struct {
	// Requests are the event ids of the requests that the trail lacked.
	Requests []string `json:"requests"`
	Events   int      `json:"events"`
	Left     string   `json:"left"`

	pending []*Request
}

// pending returns the requests on the list that the trail has not carried out,
// and puts those that the trail has and the list lacks on the list.
func (s *Service) pending(ctx context.Context) ([]*Request, error) {
	log, err := s.Store.Log(ctx, s.Org)
	if errors.Is(err, store.ErrNoLog) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	listed, err := s.List.Read(log.Origin)
	if err != nil {
		return nil, err
	}
	done, err := s.Store.Erasures(ctx, s.Org)
	if err != nil {
		return nil, err
	}
	var pending []*Request
	for _, r := range listed {
		if _, ok := done[r.ID]; !ok {
			pending = append(pending, r)
		}
		delete(done, r.ID)
	}
	for _, text := range done {
		r, err := parseRequest(text)
		if err != nil {
			return nil, err
		}
		if err := s.List.Add(r); err != nil {
			return nil, err
		}
	}
	return pending, nil
}

// Reapply carries out what the trail lacks: it is an older copy, or was cut off
// in the middle of an erasure. The request that erased, if the copy lacks it, is
// recorded again under its own key, by a person who is not known any more.
func (s *Service) Reapply(ctx context.Context) (*Reapplied, error) {
	out := &Reapplied{Requests: []string{}}
	pending, err := s.pending(ctx)
	if err != nil || len(pending) == 0 {
		return out, err
	}
	for _, r := range pending {
		people, err := s.peopleOf(ctx, r)
		if err != nil {
			return out, err
		}
		done, err := s.carryOut(ctx, r, people)
		if err != nil {
			return out, err
		}
		if done.Done {
			out.Requests = append(out.Requests, r.ID)
		}
		out.Events += done.Events
		if done.Left != "" {
			out.Left = done.Left
		}
	}
	out.pending = pending
	if s.Recorder == nil {
		return out, nil
	}
	return out, s.Tell(ctx, out)
}

// Tell records the requests that the trail does not know, and that they were
// carried out again: for a trail whose pen was not at hand when they were.
func (s *Service) Tell(ctx context.Context, out *Reapplied) error {
	var events []whodid.Event
	for _, r := range out.pending {
		events = append(events, whodid.Event{
			Key: r.Key, What: "privacy.erase", At: r.At, Actor: proof.ErasedActor, Source: "system", Data: r.Data,
		})
	}
	if len(out.Requests) > 0 {
		events = append(events, whodid.Event{
			Key: "reapply/" + whodid.NewID(whodid.PrefixEvent), What: "privacy.reapply", At: s.Now(), Actor: whodid.System, Source: "system",
			Data: whodid.Data{"erasures": out.Requests, "event_count": int64(out.Events)},
		})
	}
	_, err := s.Recorder.Record(ctx, events...)
	return err
}

// peopleOf finds the pseudonyms that a request was about, if the copy still has
// them where events don't: in tokens and in the table of people.
func (s *Service) peopleOf(ctx context.Context, r *Request) ([]string, error) {
	if len(r.People) == 0 {
		return nil, nil
	}
	var actors []string
	people, err := s.Store.People(ctx, s.Org)
	if err != nil {
		return nil, err
	}
	for i := range people {
		actors = append(actors, whodid.HumanActor(people[i].Pseudonym))
	}
	tokens, err := s.Store.Tokens(ctx, s.Org)
	if err != nil {
		return nil, err
	}
	for i := range tokens {
		actors = append(actors, tokens[i].Person, tokens[i].CreatedBy, tokens[i].RevokedBy)
	}
	slices.Sort(actors)
	return slices.DeleteFunc(slices.Compact(actors), func(actor string) bool {
		name, human := strings.CutPrefix(actor, whodid.HumanActor(""))
		return !human || !slices.Contains(r.People, personDigest(name))
	}), nil
}

// Settle is Reapply for a recorder that came after the trail was opened: it also
// tells of what was carried out again when it was. What could not be removed
// from the files of the database then is removed now.
func (s *Service) Settle(ctx context.Context) (*Reapplied, error) {
	out, err := s.Reapply(ctx)
	if err != nil || len(out.Requests) > 0 {
		return out, err
	}
	done, err := s.Store.Purge(ctx, s.Org)
	out.Left = done.Left
	return out, err
}
