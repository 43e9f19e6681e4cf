package whodid

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Retention is how long events are kept after the trail took them.
type Retention struct {
	// Profile is seed, eu-ai-act, sec-17a-4 or own.
	Profile string
	// RunDays and SessionDays are the periods of the classes. What is permanent
	// has none.
	RunDays, SessionDays int
	// Version counts how often a policy was set; 0 is the default, that nobody
	// has set or confirmed yet.
	Version int
	// Event is what set it, By who and At when, by the trail's clock.
	Event, By string
	At        time.Time
}

// OwnProfile is the profile of periods that an organisation chose for itself.
const OwnProfile = "own"

// MaxRetentionDays bounds a period: 100 years.
const MaxRetentionDays = 36525

// RetentionProfiles returns the profiles that have names: the periods of the
// founding page, which are the default; the least that the EU's AI Act (articles
// 19 and 26) asks for; the six years of SEC rule 17a-4.
func RetentionProfiles() []Retention {
	return []Retention{
		{Profile: "seed", RunDays: 90, SessionDays: 30},
		{Profile: "eu-ai-act", RunDays: 183, SessionDays: 183},
		{Profile: "sec-17a-4", RunDays: 2192, SessionDays: 2192},
	}
}

// RetentionProfile returns the periods of a profile that has a name.
func RetentionProfile(name string) (Retention, bool) {
	list := RetentionProfiles()
	i := slices.IndexFunc(list, func(r Retention) bool { return r.Profile == name })
	if i < 0 {
		return Retention{}, false
	}
	return list[i], true
}

// Check refuses periods that no policy can have. A profile may be prolonged, and
// never made shorter.
func (r *Retention) Check() error {
	for _, days := range []int{r.RunDays, r.SessionDays} {
		if days < 1 || days > MaxRetentionDays {
			return fmt.Errorf("a period of %d days is not between 1 and %d", days, MaxRetentionDays)
		}
	}
	if r.SessionDays > r.RunDays {
		return fmt.Errorf("sessions can't be kept for %d days and the runs that they belong to for %d", r.SessionDays, r.RunDays)
	}
	if r.Profile == OwnProfile {
		return nil
	}
	least, ok := RetentionProfile(r.Profile)
	if !ok {
		return fmt.Errorf("%q is no profile", r.Profile)
	}
	if r.RunDays < least.RunDays || r.SessionDays < least.SessionDays {
		return fmt.Errorf("%s keeps runs for at least %d days and sessions for %d", r.Profile, least.RunDays, least.SessionDays)
	}
	return nil
}

// Confirmed reports whether somebody set the policy. Nothing is swept by one that
// nobody did.
func (r *Retention) Confirmed() bool { return r.Version > 0 }

// Cutoff is the first moment whose events of the class are not due at now. ok is
// false for a class that is kept for ever.
func (r *Retention) Cutoff(class Class, now time.Time) (cutoff time.Time, ok bool) {
	days := 0
	switch class {
	case ClassRun:
		days = r.RunDays
	case ClassSession:
		days = r.SessionDays
	case ClassPermanent:
	}
	if days <= 0 {
		return time.Time{}, false
	}
	return now.UTC().Add(-time.Duration(days) * 24 * time.Hour).Truncate(time.Microsecond), true
}

// FoldRetention is the policy that the events, in the order of the log, add up to:
// the one that was set last, or the default.
func FoldRetention(events []Event) Retention {
	r, _ := RetentionProfile("seed")
	for i := range events {
		e := &events[i]
		if e.What != "retention.set" {
			continue
		}
		run, _ := e.Data.Int("run_days")
		session, _ := e.Data.Int("session_days")
		next := Retention{
			Profile: e.Target, RunDays: int(run), SessionDays: int(session),
			Version: r.Version + 1, Event: e.ID, By: e.Actor, At: e.RecordedAt,
		}
		if next.Check() != nil {
			continue // it says nothing that could be followed
		}
		r = next
	}
	return r
}

// The kinds of what can be held.
const (
	HoldExecution  = "execution"
	HoldAgent      = "agent"
	HoldSquad      = "squad"
	HoldRepository = "repository"
	HoldPerson     = "person"
	HoldTime       = "time"
)

// HoldScope is what a hold covers.
type HoldScope struct {
	Kind string
	// Value is an execution's id, an agent's name with wildcards, a squad, a
	// repository or a person as an actor.
	Value string
	// From and Until bound a time: From is in it, Until is not.
	From, Until time.Time
}

// ParseHoldScope reads a scope such as execution:ID, agent:GLOB, squad:NAME,
// repository:NAME, person:PSEUDONYM or time:FROM..UNTIL.
func ParseHoldScope(s string) (HoldScope, error) {
	kind, value, ok := strings.Cut(s, ":")
	value = strings.TrimSpace(value)
	if !ok || value == "" {
		return HoldScope{}, fmt.Errorf("%q is none of execution:ID, agent:GLOB, squad:NAME, repository:NAME, person:ID, time:FROM..UNTIL", s)
	}
	h := HoldScope{Kind: kind, Value: value}
	switch kind {
	case HoldExecution:
		if !ValidID(value) {
			return HoldScope{}, fmt.Errorf("%q is not the id of an execution", value)
		}
	case HoldAgent, HoldRepository:
	case HoldSquad:
		if strings.ContainsAny(value, "/*") {
			return HoldScope{}, fmt.Errorf("%q is not the name of a squad", value)
		}
	case HoldPerson:
		if !IsHuman(value) {
			h.Value = HumanActor(value)
		}
	case HoldTime:
		from, until, ok := strings.Cut(value, "..")
		if !ok {
			return HoldScope{}, fmt.Errorf("%q is not FROM..UNTIL", value)
		}
		var err error
		if h.From, err = holdTime(from); err != nil {
			return HoldScope{}, err
		}
		if h.Until, err = holdTime(until); err != nil {
			return HoldScope{}, err
		}
		if !h.From.Before(h.Until) {
			return HoldScope{}, fmt.Errorf("%s is not before %s", from, until)
		}
		h.Value = ""
	default:
		return HoldScope{}, fmt.Errorf("%q can't be held: only execution, agent, squad, repository, person and time can", kind)
	}
	return h, nil
}

func holdTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-11-01 or 2026-11-01T08:00:00Z", s)
}

// String writes the scope as [ParseHoldScope] reads it.
func (h HoldScope) String() string {
	if h.Kind == HoldTime {
		return HoldTime + ":" + h.From.Format(time.RFC3339Nano) + ".." + h.Until.Format(time.RFC3339Nano)
	}
	return h.Kind + ":" + h.Value
}

// Covers reports whether the scope covers an event by what it says itself. A run
// is held as a whole, with the sub-agents that are a part of it, if it covers
// any event of them; that is for who knows the run to see to.
func (h *HoldScope) Covers(e *Event) bool {
	switch h.Kind {
	case HoldExecution:
		return e.Execution == h.Value
	case HoldAgent:
		return matchPattern(AgentActor(h.Value), e.Actor)
	case HoldSquad:
		return strings.HasPrefix(e.Actor, AgentActor(h.Value+"/"))
	case HoldRepository:
		r := e.Data.String("repository")
		return r == h.Value || strings.HasSuffix(r, "/"+h.Value) || e.Target == h.Value ||
			strings.HasPrefix(e.Target, h.Value+"#") || strings.HasPrefix(e.Target, h.Value+"@") || strings.HasPrefix(e.Target, h.Value+"!")
	case HoldPerson:
		return e.Actor == h.Value || e.OnBehalfOf == h.Value
	case HoldTime:
		return h.within(e.At) || h.within(e.RecordedAt)
	default:
		return true // a scope that this program does not know is better held
	}
}

func (h *HoldScope) within(t time.Time) bool { return !t.Before(h.From) && t.Before(h.Until) }

// Hold keeps what it covers, whatever the policy says.
type Hold struct {
	// ID is that of the event which placed it.
	ID     string
	Scope  HoldScope
	Reason string
	// PlacedBy and ReleasedBy are actors; the times are those of the trail's
	// clock, ReleasedAt zero while it holds.
	PlacedBy      string
	PlacedAt      time.Time
	ReleasedBy    string
	ReleasedAt    time.Time
	ReleaseReason string
}

// Standing reports whether it still holds.
func (h *Hold) Standing() bool { return h.ReleasedAt.IsZero() }

// FoldHolds adds up the events, in the order of the log, to holds, the last placed
// first.
func FoldHolds(events []Event) []Hold {
	var holds []Hold
	for i := range events {
		switch e := &events[i]; e.What {
		case "hold.place":
			scope, err := ParseHoldScope(e.Target)
			if err != nil {
				scope = HoldScope{Kind: "unknown", Value: e.Target}
			}
			holds = append(holds, Hold{ID: e.ID, Scope: scope, Reason: e.Why, PlacedBy: e.Actor, PlacedAt: e.RecordedAt})
		case "hold.release":
			for j := range holds {
				if h := &holds[j]; h.ID == e.Target && h.Standing() {
					h.ReleasedBy, h.ReleasedAt, h.ReleaseReason = e.Actor, e.RecordedAt, e.Why
				}
			}
		}
	}
	slices.Reverse(holds)
	return holds
}

// StandingHolds leaves out the holds that were released.
func StandingHolds(holds []Hold) []Hold {
	return slices.DeleteFunc(slices.Clone(holds), func(h Hold) bool { return !h.Standing() })
}

// validateRetention sees to it that what is said about retention can be followed.
func (e *Event) validateRetention() error {
	switch e.What {
	case "retention.set":
		if r := FoldRetention([]Event{*e}); r.Version == 0 {
			run, _ := e.Data.Int("run_days")
			session, _ := e.Data.Int("session_days")
			next := Retention{Profile: e.Target, RunDays: int(run), SessionDays: int(session)}
			return next.Check()
		}
	case "hold.place":
		if _, err := ParseHoldScope(e.Target); err != nil {
			return err
		}
	case "hold.release":
		if !ValidID(e.Target) {
			return fmt.Errorf("%q is not the id of a hold", e.Target)
		}
	}
	return nil
}

// ForgetSessions takes back what those events told the execution that say that its
// session began: all but those that are left. ok is false, and the execution of no
// use, if more rests on them than which session it was: its end, or when it was
// last heard of.
func (x *Execution) ForgetSessions(gone, left []Event) (ok bool) {
	f := &x.Folded
	status, alive := x.Status, f.Alive
	for i := range gone {
		if Micros(gone[i].At) >= alive {
			return false
		}
	}
	f.Opened, f.Resume = nil, nil
	for i := range left {
		x.applySession(&left[i], mark{At: Micros(left[i].At), ID: left[i].ID})
	}
	x.settle()
	return x.Status == status
}
