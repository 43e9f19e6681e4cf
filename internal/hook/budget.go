package hook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/policy"
)

// The phrases that are recorded of a refusal for a budget.
const (
	phraseBudget        = "a budget of the policy is exceeded"
	phraseBudgetUnknown = "whether a budget of the policy allows it can't be found out"
)

// Exceeded is a budget that the trail knows to be exceeded. The hook has no
// database: whoever takes the spool into the trail writes down for it what costs
// and tokens add up to.
type Exceeded struct {
	// Key is that of the event that says so.
	Key     string `json:"key"`
	Budget  string `json:"budget"`
	Subject string `json:"subject"`
	// Limited is what was exceeded, in words.
	Limited string `json:"limited"`
	// Until is the end of the period; of a run it has none.
	Until time.Time `json:"until,omitzero"`
}

// exceededFile is where it stands which budgets are exceeded.
func (c calls) exceededFile() string { return filepath.Join(c.dir, "budgets.json") }

// ReadExceeded returns what WriteExceeded wrote into the folder, or nothing.
func ReadExceeded(folder string) ([]Exceeded, error) {
	text, err := os.ReadFile(calls{folder}.exceededFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []Exceeded
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read which budgets are exceeded: %w", err)
	}
	return all, nil
}

// WriteExceeded tells the hooks which budgets are exceeded.
func WriteExceeded(folder string, all []Exceeded) error {
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("couldn't tell the hooks which budgets are exceeded: %w", err)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("couldn't tell the hooks which budgets are exceeded: %w", err)
	}
	f, err := os.CreateTemp(folder, ".budgets-*")
	if err != nil {
		return fmt.Errorf("couldn't tell the hooks which budgets are exceeded: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone if all went well
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), calls{folder}.exceededFile())
	}
	if err != nil {
		return fmt.Errorf("couldn't tell the hooks which budgets are exceeded: %w", err)
	}
	return nil
}

// tally is what a session has done so far, as its hooks noted it: one line for
// each action that began ("a"), failed ("f") or succeeded ("s"), with a
// fingerprint and the time, and for each budget that was told to be exceeded
// ("x").
type tally struct {
	began   time.Time
	actions int64
	failing map[string]int64 // by fingerprint, since it succeeded last
	told    map[string]bool
}

// maxTally bounds the file that is read at each call.
const maxTally = 4 << 20

func (c calls) tallyFile(client, session string) string {
	sum := sha256.Sum256([]byte(client + "\x00" + session))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:16])+".tally")
}

func (c calls) readTally(client, session string) (*tally, error) {
	t := &tally{failing: map[string]int64{}, told: map[string]bool{}}
	f, err := os.Open(c.tallyFile(client, session))
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return t, fmt.Errorf("couldn't read what the session did: %w", err)
	}
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	if err != nil {
		return t, fmt.Errorf("couldn't read what the session did: %w", err)
	}
	text := make([]byte, min(info.Size(), maxTally))
	n, err := f.ReadAt(text, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if info.Size() > maxTally {
		err = errors.New("the session did too much to count it")
	}
	for line := range bytes.Lines(text[:n]) {
		fields := bytes.Fields(line)
		if len(fields) != 3 {
			continue
		}
		name := string(fields[1])
		if seconds, err := strconv.ParseInt(string(fields[2]), 10, 64); err == nil && t.began.IsZero() {
			t.began = time.Unix(seconds, 0)
		}
		switch string(fields[0]) {
		case "a":
			t.actions++
		case "f":
			t.failing[name]++
		case "s":
			delete(t.failing, name)
		case "x":
			t.told[name] = true
		}
	}
	return t, err
}

// note appends lines to the tally. A line that is lost counts one too few, and
// nothing else: it is not synced.
func (c calls) note(client, session string, lines []byte) error {
	if len(lines) == 0 {
		return nil
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return fmt.Errorf("couldn't note what the session does: %w", err)
	}
	f, err := os.OpenFile(c.tallyFile(client, session), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("couldn't note what the session does: %w", err)
	}
	_, err = f.Write(lines)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("couldn't note what the session does: %w", err)
	}
	return nil
}

func tallyLine(b []byte, kind byte, name string, at time.Time) []byte {
	b = append(append(append(b, kind, ' '), name...), ' ')
	return append(strconv.AppendInt(b, at.Unix(), 10), '\n')
}

// fingerprint stands for an action on a target, and tells nothing of it.
func fingerprint(e *whodid.Event) string {
	sum := sha256.Sum256([]byte(e.What + "\x00" + e.Target))
	return hex.EncodeToString(sum[:8])
}

// tally notes what came of actions, for sessions that have a tally.
func (c calls) tally(client string, events []whodid.Event) {
	var lines []byte
	session := ""
	for i := range events {
		e := &events[i]
		kind, ok := whodid.KindOf(e.What)
		if !ok || !kind.Action || e.Session == "" {
			continue
		}
		session = e.Session
		switch e.Result {
		case whodid.ResultFailed:
			lines = tallyLine(lines, 'f', fingerprint(e), e.At)
		case whodid.ResultSuccess:
			lines = tallyLine(lines, 's', fingerprint(e), e.At)
		default:
		}
	}
	if len(lines) == 0 {
		return
	}
	if _, err := os.Stat(c.tallyFile(client, session)); err == nil {
		_ = c.note(client, session, lines) // a count that is too low
	}
}

// budgetGate refuses what goes beyond a hard budget, and tells of soft ones.
func budgetGate(m *moment) (v verdict) {
	rules := m.here()
	if len(rules.Budgets) == 0 {
		return v
	}
	first := slices.IndexFunc(m.acts, func(a policy.Act) bool { return a.Type != "" })
	if first < 0 || m.events[first].Session == "" {
		return v
	}
	mine := slices.DeleteFunc(slices.Clone(rules.Budgets), func(b policy.Budget) bool { return !b.IsFor(m.acts[first].Agent) })
	if len(mine) == 0 {
		return v
	}
	c, e := calls{m.trail.Calls}, &m.events[first]
	now, session := m.call.Now(), e.Session
	done, err := c.readTally(m.client, session)
	if err != nil {
		m.complain("%v", err)
	}
	if done.began.IsZero() {
		done.began = now
	}
	var lines []byte
	for i := range m.acts {
		if m.acts[i].Type != "" {
			done.actions++
			lines = tallyLine(lines, 'a', fingerprint(&m.events[i]), now)
		}
	}
	known, err := ReadExceeded(c.dir)
	if err != nil {
		m.complain("%v", err)
	}
	for i := range mine {
		b := &mine[i]
		subject := b.Subject(e.Execution, m.acts[first].Agent)
		period, _, _ := b.Period(now)
		over := m.over(b, done, now)
		key := b.Key(subject, period)
		if over != nil && !done.told[b.ID] {
			lines = tallyLine(lines, 'x', b.ID, now)
			m.more = append(m.more, exceedEvent(b, over, e, key, subject, period, now))
		}
		reason := ""
		switch j := slices.IndexFunc(known, func(x Exceeded) bool { return x.Key == key }); {
		case over != nil:
			reason = over.reason
		case j >= 0:
			reason = known[j].Limited
		}
		if b.Hard && reason != "" && v.decision != agent.Deny {
			v = refusal(b, subject, reason, over != nil && over.of == "loops")
		}
	}
	if err := c.note(m.client, session, lines); err != nil {
		m.complain("%v", err)
	}
	return v
}

// refusal refuses what goes beyond a hard budget.
func refusal(b *policy.Budget, subject, reason string, loops bool) verdict {
	v := verdict{
		decision: agent.Deny, rule: b.ID, phrase: phraseBudget,
		reason: fmt.Sprintf("whodid: the budget %s of %s is exceeded: %s. A person has to raise it in the policy", b.ID, subject, reason),
	}
	if loops {
		v.reason = fmt.Sprintf("whodid: rule %s: %s. Try something else, or ask a person", b.ID, reason)
	}
	return v
}

// Spent is what a server knows of budgets: it has the trail, where a hook on a
// laptop has what was noted for it.
type Spent struct {
	// Exceeded are the budgets that are exceeded now.
	Exceeded func() ([]Exceeded, error)
	// Failing is how often an action failed in a row in its run.
	Failing func(e *whodid.Event) (int64, error)
}

// spentGate refuses what goes beyond a hard budget by what the trail knows. Where
// that can't be found out, it refuses if the policy wants all to be decided.
func (m *moment) spentGate(spent *Spent) verdict {
	rules := m.here()
	first := slices.IndexFunc(m.acts, func(a policy.Act) bool { return a.Type != "" })
	if spent == nil || len(rules.Budgets) == 0 || first < 0 {
		return verdict{}
	}
	var known []Exceeded
	looked := false
	for i := range rules.Budgets {
		b := &rules.Budgets[i]
		if !b.IsFor(m.acts[first].Agent) {
			continue
		}
		if !looked {
			var err error
			if known, err = spent.Exceeded(); err != nil {
				return m.unknowable(rules, b, err)
			}
			looked = true
		}
		subject := b.Subject(m.events[first].Execution, m.acts[first].Agent)
		period, _, _ := b.Period(m.events[first].At)
		key := b.Key(subject, period)
		if j := slices.IndexFunc(known, func(x Exceeded) bool { return x.Key == key }); j >= 0 && b.Hard {
			return refusal(b, subject, known[j].Limited, false)
		}
		if b.Loops > 0 {
			if v := m.loops(rules, b, spent, key, subject, period); v.decision == agent.Deny {
				return v
			}
		}
	}
	return verdict{}
}

// loops refuses an action that keeps failing.
func (m *moment) loops(rules *policy.Rules, b *policy.Budget, spent *Spent, key, subject, period string) verdict {
	for i := range m.acts {
		if m.acts[i].Type == "" {
			continue
		}
		n, err := spent.Failing(&m.events[i])
		if err != nil {
			return m.unknowable(rules, b, err)
		}
		if n < b.Loops {
			continue
		}
		over := &overrun{"loops", b.Loops, n, fmt.Sprintf("%s has failed %d times in a row", phraseOf(&m.events[i]), n)}
		m.more = append(m.more, exceedEvent(b, over, &m.events[i], key, subject, period, m.events[i].At))
		if b.Hard {
			return refusal(b, subject, over.reason, true)
		}
		return verdict{}
	}
	return verdict{}
}

// unknowable is what becomes of a call of which nobody can tell whether a budget
// allows it.
func (m *moment) unknowable(rules *policy.Rules, b *policy.Budget, err error) verdict {
	if !rules.Required || !b.Hard {
		return verdict{}
	}
	return verdict{
		decision: agent.Deny, rule: b.ID, phrase: phraseBudgetUnknown,
		reason: fmt.Sprintf("whodid: whether the budget %s allows it can't be found out: %v. Try again when it can", b.ID, err),
	}
}

// overrun is a limit that was exceeded.
type overrun struct {
	of         string
	most, used int64
	reason     string
}

// over says by what a run goes beyond a budget, as far as its hooks can count.
func (m *moment) over(b *policy.Budget, done *tally, now time.Time) *overrun {
	if b.Scope != policy.ScopeRun {
		return nil
	}
	minutes := int64(now.Sub(done.began) / time.Minute)
	if b.Actions > 0 && done.actions > b.Actions {
		return &overrun{"actions", b.Actions, done.actions, fmt.Sprintf("%d actions, %d are allowed", done.actions, b.Actions)}
	}
	if b.Minutes > 0 && minutes >= b.Minutes {
		return &overrun{"minutes", b.Minutes, minutes, fmt.Sprintf("it has been at work for %d minutes, %d are allowed", minutes, b.Minutes)}
	}
	if b.Loops == 0 {
		return nil
	}
	for i := range m.acts {
		if m.acts[i].Type == "" {
			continue
		}
		if n := done.failing[fingerprint(&m.events[i])]; n >= b.Loops {
			return &overrun{"loops", b.Loops, n, fmt.Sprintf("%s has failed %d times in a row", phraseOf(&m.events[i]), n)}
		}
	}
	return nil
}

// exceedEvent says that a budget was exceeded.
func exceedEvent(b *policy.Budget, o *overrun, of *whodid.Event, key, subject, period string, now time.Time) whodid.Event {
	e := BudgetEvent(b, subject, period, o.of, o.most, o.used, now)
	e.Key, e.Source = key, of.Source
	e.Actor, e.ActorAuth, e.Execution, e.Session = of.Actor, of.ActorAuth, of.Execution, of.Session
	e.OnBehalfOf, e.OnBehalfAuth = of.OnBehalfOf, of.OnBehalfAuth
	return e
}

// BudgetEvent is the event that a budget was exceeded, without who and whence.
func BudgetEvent(b *policy.Budget, subject, period, of string, most, used int64, now time.Time) whodid.Event {
	e := whodid.Event{
		Key: b.Key(subject, period), What: "budget.exceed", Target: b.ID, Result: whodid.ResultFailed, At: now.UTC().Truncate(time.Microsecond),
		Data: whodid.Data{"rule": b.ID, "scope": b.Scope, "subject": subject, "limited": of, "most": most, "used": used, "hard": b.Hard},
	}
	if b.Hard {
		e.Result = whodid.ResultBlocked
	}
	if period != "" {
		e.Data["period"] = period
	}
	return e
}
