// Package hook is the receiver that agents call on every tool call. It reads
// what the agent tells, keeps what the catalogue allows, appends one record to
// the spool and ends: no database, no network, and nothing that starts slowly
// is linked into it. It never breaks the agent: whatever goes wrong, it exits
// with 0, unless it was told that recording is required.
package hook

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/denylist"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/spool"
)

// maxPayload is the largest payload that is read as a whole. A longer one is
// told of as a gap.
const maxPayload = 256 << 20

// Lease is how long a session may be silent before it counts as lost.
const Lease = 24 * time.Hour

// blocked is the exit code by which an agent's hook refuses a tool call.
const blocked = 2

// Call is one call of the hook.
type Call struct {
	Stdin    io.Reader
	Stdout   io.Writer // what the client is answered; nil answers nothing but refusals
	Stderr   io.Writer
	Env      place.Env
	Dir      string // the working directory
	Now      func() time.Time
	Store    string // the value of --store
	Agent    string // squad/agent of sessions that no run named; the client's default if it is empty or none
	Required bool   // refuse the agent's action if it can't be recorded
	// Sync starts taking the spool into the trail in the background. It is
	// called when a session is over; nil does without.
	Sync func(store string)
	// Gate decides on what needs an approval; nil can't.
	Gate Gate

	asked *agent.Asked // the call that the client waits with, once it is known
	said  verdict
}

// Run records the call, answers a client that asks, and returns the exit code.
func (c *Call) Run() int {
	err := c.guarded()
	code := 0
	if c.asked != nil {
		code = c.answer(c.asked, c.said)
	}
	if err == nil {
		return code
	}
	fmt.Fprintf(c.Stderr, "whodid: couldn't record this action: %v\n", err)
	if c.Required {
		return blocked
	}
	return code
}

// guarded records the call whatever happens on the way. Go ends a program that
// panics with 2, by which a hook refuses what the agent is about to do: an
// error of ours must not become that.
func (c *Call) guarded() (err error) {
	defer func() {
		if v := recover(); v != nil {
			// What a panic says may quote what the agent told.
			err = errors.Join(fmt.Errorf("whodid failed inside (%T)", v), c.tellFailure())
		}
	}()
	return c.record()
}

// tellFailure puts a gap into the spool in the place of what the agent told.
func (c *Call) tellFailure() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("couldn't record the gap either (%T)", v)
		}
	}()
	trail, err := place.Find(c.Store, c.Dir, c.Env)
	if err != nil {
		return err
	}
	missing := gap("the hook failed on what the agent told", &whodid.Event{At: c.Now().UTC().Truncate(time.Microsecond)})
	return spool.In(trail.Spool).Put(spool.Record{Events: []whodid.Event{*missing}})
}

func (c *Call) record() error {
	trail, err := place.Find(c.Store, c.Dir, c.Env)
	if err != nil {
		return err
	}
	payload, err := io.ReadAll(io.LimitReader(c.Stdin, maxPayload))
	if err != nil {
		return fmt.Errorf("couldn't read what the agent told: %w", err)
	}
	reading := agent.Hook(payload, c.surroundings(trail))
	var acts []policy.Act
	if reading.Asked != nil {
		acts = actsOf(&reading, reading.Asked.Dir)
	}
	record, unread := c.clean(&reading)
	if reading.Asked != nil {
		m := moment{call: c, trail: trail, asked: reading.Asked, client: reading.Client, acts: acts, events: record.Events}
		c.said = m.judge()
		c.asked = reading.Asked
		record.Events = append(record.Events, m.more...)
	} else {
		calls{trail.Calls}.tally(reading.Client, record.Events)
		linkApprovals(calls{trail.Calls}, reading.Client, &record)
	}
	if len(record.Events) == 0 && len(record.Transcripts) == 0 {
		return unread
	}
	if err := spool.In(trail.Spool).Put(record); err != nil {
		return errors.Join(unread, err)
	}
	if len(record.Transcripts) > 0 {
		_ = ForgetBefore(trail.Calls, c.Now().Add(-forgetCalls)) // the next time, then
		if c.Sync != nil {
			c.Sync(c.Store)
		}
	}
	return unread
}

func (c *Call) surroundings(trail place.Trail) agent.Surroundings {
	trigger, detail, err := whodid.ParseTrigger(c.Env("WHODID_TRIGGER"))
	if err != nil {
		trigger, detail = whodid.TriggerManual, ""
	}
	execution := c.Env("WHODID_EXECUTION")
	if !whodid.ValidID(execution) {
		execution = ""
	}
	s := agent.Surroundings{
		At: c.Now(), Env: c.Env,
		Execution: execution, Agent: agentName(c.Env("WHODID_AGENT")), DefaultAgent: agentName(c.Agent),
		Trigger: trigger, TriggerDetail: detail,
		Home: place.Home(c.Env), Repository: place.Repository, Lease: Lease,
		Order: calls{trail.Calls}.before,
	}
	if ring, err := keys.People(trail.PeopleKey); err == nil {
		s.Person, s.PersonAuth = Person(ring, c.Env)
	}
	return s
}

// agentName returns the name of an agent, or nothing if it is none.
func agentName(s string) string {
	if _, _, err := whodid.ParseAgent(s); err != nil {
		return ""
	}
	return s
}

// Person is the pseudonym of who runs this process, and how they were told: by
// the user id that the operating system vouches for.
func Person(ring *keys.Ring, env place.Env) (actor, auth string) {
	host, err := os.Hostname()
	if err != nil {
		return "", ""
	}
	id := env("USERNAME") // where there are no user ids
	if uid := os.Getuid(); uid >= 0 {
		id = strconv.Itoa(uid)
	}
	return whodid.HumanActor(ring.Pseudonym("os:" + id + "@" + host)), "os-user"
}

// clean cuts what was read to what may touch a disk. With an error comes what
// may be kept all the same: gaps.
func (c *Call) clean(reading *agent.Reading) (spool.Record, error) {
	home := place.Home(c.Env)
	redactor, broken := c.redactor(home)
	var r spool.Record
	for i := range reading.Events {
		e := &reading.Events[i]
		e.Trim(false)
		counts, err := redactor.Event(e)
		switch {
		case broken != nil:
			e = gap("the settings of redaction can't be read", e)
		case err != nil:
			e = gap("an event that named a secret", e)
		}
		if len(counts) > 0 && broken == nil {
			r.Redacted = append(r.Redacted, make([]map[string]int, i+1-len(r.Redacted))...)
			r.Redacted[i] = counts
		}
		e.Cut()
		if err := e.Validate(); err != nil {
			e = gap("an event that is not valid", e)
		}
		r.Events = append(r.Events, *e)
	}
	if t := reading.Transcript; t != nil {
		// Ids are the client's words, and cleaned like those of events.
		session, _ := redactor.Clean(t.Session)
		subagent, _ := redactor.Clean(t.SubagentID)
		if path, ok := safePath(redactor, t.Path, home); ok {
			r.Transcripts = []spool.Transcript{{
				Client: reading.Client, Path: path, Execution: t.Execution, Parent: t.Parent, Session: session,
				Agent: t.Agent, SubagentID: subagent, Subagents: t.Subagents, At: t.At,
			}}
		} else {
			missing := gap("the transcript is not where the client said", &whodid.Event{At: t.At, Source: "hook:" + reading.Client})
			missing.Execution, missing.Session = t.Execution, session
			r.Events = append(r.Events, *missing)
		}
	}
	return r, broken
}

// redactor cleans what is kept of secrets and of what the user's settings name.
// If they can't be read, what they would take out is not known, and with the
// error comes a redactor that knows nothing of them.
func (c *Call) redactor(home string) (*redact.Redactor, error) {
	options := redact.Options{HomeDir: home}
	list, err := denylist.Read(place.ConfigFile(c.Env))
	if err == nil {
		options.DenyPatterns, options.DenyWords, options.Identities = list.Patterns, list.Deny, list.Identities
		var r *redact.Redactor
		if r, err = redact.New(options); err == nil {
			return r, nil
		}
	}
	plain, other := redact.New(redact.Options{HomeDir: home})
	return plain, errors.Join(err, other)
}

// gap stands in the place of an event that may not be kept.
func gap(reason string, e *whodid.Event) *whodid.Event {
	d := whodid.Data{"reason": reason}
	if _, ok := whodid.LookupKind(e.What); ok {
		d["event"] = e.What
	}
	source := e.Source
	if source == "" {
		source = "hook:" + agent.Unknown
	}
	return &whodid.Event{
		Key: "gap/" + whodid.NewID(whodid.PrefixEvent), Actor: whodid.System, What: "record.gap",
		At: e.At, Source: source, Data: d,
	}
}

// safePath writes the home directory in a path as ~. A path that still looks
// like it names a person or a secret is kept only if it is really there.
func safePath(r *redact.Redactor, path, home string) (string, bool) {
	if rest, ok := strings.CutPrefix(path, home); ok && home != "" && strings.HasPrefix(rest, string(os.PathSeparator)) {
		path = "~" + rest
	}
	if cleaned, _ := r.Clean(path); cleaned == path {
		return path, true
	}
	if after, ok := strings.CutPrefix(path, "~"); ok {
		path = home + after
	}
	_, err := os.Stat(path)
	return path, err == nil
}
