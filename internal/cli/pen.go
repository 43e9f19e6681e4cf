package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/spool"
)

// reachTimeout is how long a command that records waits for the trail: the
// agent must not be kept.
const reachTimeout = 10 * time.Second

// pen writes what a recording command has to say into the trail, or, while the
// trail can't be reached, into its spool.
type pen struct {
	p        *Program
	place    place.Trail
	redactor *redact.Redactor
	trail    *trail // nil while it is not open
	// unreached is why the trail is not open, if that was tried.
	unreached error
}

// newPen takes a pen to a trail that is not opened yet.
func (p *Program) newPen() (*pen, error) {
	where, err := p.find()
	if err != nil {
		return nil, err
	}
	redactor, err := p.redactor()
	if err != nil {
		return nil, err
	}
	return &pen{p: p, place: where, redactor: redactor}, nil
}

// openPenTo takes a pen and opens the trail. If the trail can't be reached it
// says so and writes to the spool.
func (p *Program) openPenTo(ctx context.Context) (*pen, error) {
	w, err := p.newPen()
	if err != nil {
		return nil, err
	}
	if err := w.open(ctx); err != nil {
		p.complain(err)
		fmt.Fprintln(p.Stderr, "        it is kept in the spool until the trail can be reached")
	}
	return w, nil
}

// open opens the trail.
func (w *pen) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	w.trail, w.unreached = w.p.openOnly(ctx)
	return w.unreached
}

// close closes the trail.
func (w *pen) close() {
	if w.trail != nil {
		w.trail.close()
		w.trail = nil
	}
}

// written says what became of events.
type written struct {
	new     int  // of them were not known before
	spooled bool // they wait in the spool
}

// write makes the events durable: in the trail if it is open, else, and if the
// trail fails, in the spool. An event that is not valid is an error of usage,
// and nothing is written.
func (w *pen) write(ctx context.Context, events ...whodid.Event) (written, error) {
	if w.trail != nil {
		// One that the trail took without our hearing of it is in it once.
		reach, cancel := context.WithTimeout(ctx, reachTimeout)
		rows, err := w.trail.recorder.Record(reach, events...)
		cancel()
		if err == nil {
			return written{new: len(rows)}, nil
		}
		if errors.Is(err, whodid.ErrInvalid) {
			return written{}, &exitError{code: ExitUsage, err: err}
		}
		w.unreached = err
	}
	record, err := w.spoolable(events)
	if err != nil {
		return written{}, err
	}
	if err := spool.In(w.place.Spool).Put(record); err != nil {
		return written{}, errors.Join(w.unreached, err)
	}
	return written{new: len(events), spooled: true}, nil
}

// spoolable cuts and cleans events to what may touch a disk, as the recorder
// does with those that go straight into the trail.
func (w *pen) spoolable(events []whodid.Event) (spool.Record, error) {
	redacted, some := make([]map[string]int, len(events)), false
	for i := range events {
		e := &events[i]
		e.Org = ""
		if e.At.IsZero() {
			e.At = w.p.Now()
		}
		if err := e.Data.Normalize(); err != nil {
			return spool.Record{}, &exitError{code: ExitUsage, err: err}
		}
		e.At = e.At.UTC().Truncate(time.Microsecond)
		if err := e.Validate(); err != nil {
			return spool.Record{}, &exitError{code: ExitUsage, err: err}
		}
		counts, err := w.redactor.Event(e)
		if err != nil {
			return spool.Record{}, &exitError{code: ExitUsage, err: err}
		}
		e.Cut()
		redacted[i] = counts
		some = some || len(counts) > 0
	}
	record := spool.Record{Events: events}
	if some {
		record.Redacted = redacted
	}
	return record, nil
}

// drain takes in what waits in the spool. The trail must be open.
func (w *pen) drain(ctx context.Context) error {
	_, err := w.p.drain(ctx, w.trail)
	return err
}

// person is who runs this process, by a pseudonym, and how that is known. Both
// are empty if the pseudonyms' key can't be had.
func (w *pen) person() (actor, auth string) {
	if w.trail != nil {
		return hook.Person(w.trail.ring, w.p.Env)
	}
	_, people := w.place.Keys(w.p.org)
	ring, err := keys.People(people)
	if err != nil {
		return "", ""
	}
	return hook.Person(ring, w.p.Env)
}

// around is the execution that this process runs in, as "whodid run" told it,
// or "".
func (p *Program) around() string {
	if id := p.Env("WHODID_EXECUTION"); whodid.ValidID(id) && strings.HasPrefix(id, whodid.PrefixExecution+"-") {
		return id
	}
	return ""
}

// subject is the execution that a command writes about, and who wrote.
type subject struct {
	execution          string
	agent              string
	actor, auth        string
	onBehalf, behalfBy string
}

// event begins an event about the subject.
func (s *subject) event(what, key string, at time.Time) whodid.Event {
	return whodid.Event{
		Key: key, What: what, At: at, Execution: s.execution, Source: "cli",
		Actor: s.actor, ActorAuth: s.auth, OnBehalfOf: s.onBehalf, OnBehalfAuth: s.behalfBy,
	}
}

// about finds out which execution is meant, by id or because this process runs
// in it, and who acts: the agent of the execution, or outside of any the person
// who runs this. That an agent acts is known from the environment within its
// run, and else a claim of the person, who is named behind it.
func (w *pen) about(ctx context.Context, id string) (*subject, error) {
	person, personAuth := w.person()
	inside := w.p.around()
	s := &subject{execution: inside}
	if id != "" {
		full, err := w.resolve(ctx, id)
		if err != nil {
			return nil, err
		}
		s.execution = full
	}
	if s.execution == "" {
		if person == "" {
			_, people := w.place.Keys(w.p.org)
			return nil, fmt.Errorf("couldn't tell who you are: the key %s can't be read", people)
		}
		s.actor, s.auth = person, personAuth
		return s, nil
	}
	if s.agent = w.agentOf(ctx, s.execution); s.agent == "" {
		return nil, withHint(fmt.Errorf("couldn't tell the agent of %s", s.execution), "the trail knows it only by what it has not taken in; try again when the trail can be reached")
	}
	s.actor = whodid.AgentActor(s.agent)
	if s.execution == inside {
		s.auth = "environment"
		return s, nil
	}
	s.onBehalf, s.behalfBy = person, personAuth
	return s, nil
}

// sign says in the event who acts: the agent whose run or session this is, else
// the person who runs this. It is known from the surroundings, and no flag
// claims it.
func (w *pen) sign(ctx context.Context, event *whodid.Event) error {
	source := w.p.gitSource()
	if origin, ok := source.Origin(ctx); ok {
		event.Actor, event.ActorAuth, event.Execution = whodid.AgentActor(origin.Agent), "environment", origin.Execution
		event.OnBehalfOf, event.OnBehalfAuth = w.person()
		return nil
	}
	s, err := w.about(ctx, "")
	if err != nil {
		return err
	}
	event.Actor, event.ActorAuth, event.Execution = s.actor, s.auth, s.execution
	return nil
}

// resolve returns the full id of the execution that begins with the prefix.
// While the trail can't be reached only a full id will do.
func (w *pen) resolve(ctx context.Context, prefix string) (string, error) {
	if w.trail != nil {
		id, err := w.trail.asker.Resolve(ctx, prefix)
		if err != nil {
			// It may wait in the spool.
			if drained := w.drain(ctx); drained == nil {
				id, err = w.trail.asker.Resolve(ctx, prefix)
			}
		}
		if err != nil {
			return "", withHint(err, `"whodid exec list" shows what there is`)
		}
		return id, nil
	}
	if whodid.ValidID(prefix) && len(prefix) == len(whodid.NewID(whodid.PrefixExecution)) {
		return prefix, nil
	}
	return "", fmt.Errorf("couldn't look up %q while the trail can't be reached: give the whole id", prefix)
}

// agentOf returns the agent of an execution, or "" if nobody knows.
func (w *pen) agentOf(ctx context.Context, execution string) string {
	if w.trail != nil {
		if x, err := w.trail.store.Execution(ctx, w.p.org, execution); err == nil && x.Agent != "" {
			return x.Agent
		}
	}
	if agent := w.p.Env("WHODID_AGENT"); execution == w.p.around() {
		if _, _, err := whodid.ParseAgent(agent); err == nil {
			return agent
		}
	}
	return ""
}

// factKey is a key made of what a fact consists of. The parts become a digest,
// for a key is published and they may say anything.
func factKey(kind string, parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		_, _ = h.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return "cli/" + kind + "/" + hex.EncodeToString(h.Sum(nil)[:16])
}

// freshKey is the key of a fact that is a new one each time it is told.
func freshKey(kind string) string {
	return "cli/" + kind + "/" + strings.TrimPrefix(whodid.NewID(whodid.PrefixEvent), whodid.PrefixEvent+"-")
}

// writeAndTell makes one event of an execution durable and prints its id.
func (w *pen) writeAndTell(ctx context.Context, e whodid.Event) error {
	done, err := w.write(ctx, e)
	if err != nil {
		return err
	}
	e.Org = w.p.org
	e.Identify()
	if w.p.json {
		return w.p.printJSON(recorded{EventID: e.ID, ExecutionID: e.Execution, New: done.new > 0})
	}
	_, err = fmt.Fprintln(w.p.Stdout, e.ID)
	return err
}
