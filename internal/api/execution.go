package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// NewExecution is a run that begins.
type NewExecution struct {
	// ExecutionID is the run's id, if its starter has made one; else the server
	// makes it.
	ExecutionID string `json:"execution_id,omitempty"`
	// Agent is whose run it is, as squad/name.
	Agent string `json:"agent"`
	// Trigger is what started it: manual, scheduled, smart or event; manual
	// unless it is said.
	Trigger string `json:"trigger,omitempty"`
	// TriggerDetail is the event, schedule or condition behind it.
	TriggerDetail string `json:"trigger_detail,omitempty"`
	Why           string `json:"why,omitempty"`
	// Model is the model that is asked for.
	Model string `json:"model,omitempty"`
	// Parent is the run that started it.
	Parent     string `json:"parent,omitempty"`
	SessionID  string `json:"session_id,omitempty"`
	Repository string `json:"repository,omitempty"`
	// OnBehalfOf is the person behind it, as in events.
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
	// LeaseSeconds is how long it may be silent before it counts as lost; a day
	// unless it is said.
	LeaseSeconds int64             `json:"lease_seconds,omitempty"`
	Tags         map[string]string `json:"tags,omitempty"`
	At           *time.Time        `json:"at,omitempty"`
}

// Started names the run that was started.
type Started struct {
	ExecutionID string `json:"execution_id"`
	// New is false if the trail knew of it already.
	New bool `json:"new"`
}

// defaultLease is how long a run may be silent unless its start says.
const defaultLease = 24 * 60 * 60

func (c *call) startExecution() error {
	var in NewExecution
	if err := c.in(&in); err != nil {
		return err
	}
	if _, _, err := whodid.ParseAgent(in.Agent); err != nil {
		return wrong(http.StatusUnprocessableEntity, "%v", err)
	}
	if in.Trigger == "" {
		in.Trigger = whodid.TriggerManual
	}
	kind, detail, err := whodid.ParseTrigger(in.Trigger)
	if err != nil {
		return wrong(http.StatusUnprocessableEntity, "%v", err)
	}
	if in.TriggerDetail != "" {
		detail = in.TriggerDetail
	}
	id := in.ExecutionID
	switch given := c.r.Header.Get("Idempotency-Key"); {
	case id != "" && !isExecution(id):
		return wrong(http.StatusUnprocessableEntity, "execution_id %q is not an id such as exec-7k2m9q4tz8w1c3ab", id)
	case id != "":
	case given != "":
		id = whodid.DeriveID(whodid.PrefixExecution, source, c.tenant.Org, c.id.Credential, given)
	default:
		id = whodid.NewID(whodid.PrefixExecution)
	}
	if in.LeaseSeconds <= 0 {
		in.LeaseSeconds = defaultLease
	}
	start := whodid.Event{
		Key: "start/" + id, What: "execution.start", At: c.at(in.At), Execution: id, Session: in.SessionID, Why: in.Why, Source: source,
		Data: texts("trigger", kind, "trigger_detail", detail, "model", in.Model, "parent", in.Parent, "repository", in.Repository),
	}
	start.Data["lease_seconds"] = in.LeaseSeconds
	if err := c.sign(&start, whodid.AgentActor(in.Agent), in.OnBehalfOf); err != nil {
		return err
	}
	events := []whodid.Event{start}
	if len(in.Tags) > 0 {
		tag := start
		tag.What, tag.Key, tag.Why, tag.Data = "execution.tag", "tags/"+id, "", tagData(in.Tags)
		events = append(events, tag)
	}
	done, err := c.record(events)
	if err != nil {
		return err
	}
	c.w.Header().Set("Location", "/v1/executions/"+id)
	return c.answer(Started{ExecutionID: id, New: done.Events[0].New})
}

func isExecution(id string) bool {
	return whodid.ValidID(id) && strings.HasPrefix(id, whodid.PrefixExecution+"-")
}

// texts is metadata of names and values; what is empty is left out.
func texts(pairs ...string) whodid.Data {
	d := whodid.Data{}
	for pair := range slices.Chunk(pairs, 2) {
		if name, value := pair[0], pair[1]; value != "" {
			d[name] = value
		}
	}
	return d
}

func tagData(tags map[string]string) whodid.Data {
	d := make(whodid.Data, len(tags))
	for name, value := range tags {
		d[name] = value
	}
	return d
}

// subject is the run that a request writes about, by its whole id: a recorder
// can't read, and so can't find out ids by their beginnings.
type subject struct {
	id string
	*whodid.Execution
	// end is the event with which it ended, the zero event if it has not.
	end whodid.Event
}

func (c *call) subject() (*subject, error) {
	s := &subject{id: c.r.PathValue("id")}
	if !isExecution(s.id) {
		return nil, wrong(http.StatusNotFound, "%q is not the whole id of a run", s.id)
	}
	var err error
	s.Execution, s.end, err = c.tenant.Asker.LastEnd(c.ctx, s.id)
	if errors.Is(err, ask.ErrNotFound) || err == nil && s.Agent == "" {
		return nil, wrong(http.StatusNotFound, "the trail does not know the run %s: start it first", s.id)
	}
	return s, err
}

// event begins an event about the run, by its agent.
func (c *call) about(s *subject, what, key string, at *time.Time) (*whodid.Event, error) {
	e := &whodid.Event{Key: key, What: what, At: c.at(at), Execution: s.id, Source: source, Data: whodid.Data{}}
	return e, c.sign(e, whodid.AgentActor(s.Agent), "")
}

// Renewal says that a run is still going.
type Renewal struct {
	// LeaseSeconds is how long it may be silent from now on.
	LeaseSeconds int64      `json:"lease_seconds,omitempty"`
	At           *time.Time `json:"at,omitempty"`
}

func (c *call) renewExecution() error {
	var in Renewal
	if err := c.in(&in); err != nil {
		return err
	}
	s, err := c.subject()
	if err != nil {
		return err
	}
	e, err := c.about(s, "execution.renew", c.key("renew", s.id), in.At)
	if err != nil {
		return err
	}
	if in.LeaseSeconds <= 0 {
		in.LeaseSeconds = defaultLease
	}
	e.Data["lease_seconds"] = in.LeaseSeconds
	return c.recordOne(e)
}

// Finish is how a run ended. Totals that are given here stand for the whole
// run, in place of the sum of its model calls; what is left out stays unknown.
type Finish struct {
	// Status is success, failed, timeout or cancelled.
	Status whodid.Result `json:"status"`
	// Reason is what the status rests on, in a few words.
	Reason string `json:"reason,omitempty"`
	Usage
	At *time.Time `json:"at,omitempty"`
	// Correct says that the end that was told before is wrong, and this one right.
	// Both stay in the trail.
	Correct bool `json:"correct,omitempty"`
}

// Usage is what a model call, or a whole run, used and cost.
type Usage struct {
	Model string `json:"model,omitempty"`
	// TokensIn excludes tokens that were read from or written to a cache.
	TokensIn         *int64 `json:"tokens_in,omitempty"`
	TokensOut        *int64 `json:"tokens_out,omitempty"`
	TokensCacheRead  *int64 `json:"tokens_cache_read,omitempty"`
	TokensCacheWrite *int64 `json:"tokens_cache_write,omitempty"`
	// CostMicros is the cost in millionths of a US dollar; without it the cost
	// is computed where tokens and model are known.
	CostMicros *int64 `json:"cost_micros,omitempty"`
}

// data is the usage as metadata: only what was given.
func (u *Usage) data() (whodid.Data, error) {
	d := texts("model", u.Model)
	for _, f := range []struct {
		name, field string
		n           *int64
	}{
		{"tokens_in", "input_tokens", u.TokensIn},
		{"tokens_out", "output_tokens", u.TokensOut},
		{"tokens_cache_read", "cache_read_tokens", u.TokensCacheRead},
		{"tokens_cache_write", "cache_write_tokens", u.TokensCacheWrite},
		{"cost_micros", "cost_micros", u.CostMicros},
	} {
		if f.n == nil {
			continue
		}
		if *f.n < 0 {
			return nil, wrong(http.StatusUnprocessableEntity, "%s: %d is less than nothing", f.name, *f.n)
		}
		d[f.field] = *f.n
	}
	if u.CostMicros != nil {
		d["cost_state"] = string(whodid.CostMeasured)
	}
	return d, nil
}

// Finished says how a run ended.
type Finished struct {
	ExecutionID string `json:"execution_id"`
	// Status is what the run is now. The end that is the latest counts, whatever the
	// order in which they were told.
	Status string `json:"status"`
	// Changed is false if the trail held that end already.
	Changed bool `json:"changed"`
}

func (c *call) finishExecution() error {
	var in Finish
	if err := c.in(&in); err != nil {
		return err
	}
	ends := []whodid.Result{whodid.ResultSuccess, whodid.ResultFailed, whodid.ResultTimeout, whodid.ResultCancelled}
	if !slices.Contains(ends, in.Status) {
		return wrong(http.StatusUnprocessableEntity, "status %q is none of success, failed, timeout, cancelled", in.Status)
	}
	s, err := c.subject()
	if err != nil {
		return err
	}
	data, err := in.data()
	if err != nil {
		return err
	}
	e, err := c.about(s, "execution.finish", "", in.At)
	if err != nil {
		return err
	}
	e.Result, e.Data = in.Status, data
	if in.Reason != "" {
		e.Data["reason"] = in.Reason
	}
	fact := c.finishFact(e, in.At != nil)
	out := Finished{ExecutionID: s.id, Status: string(s.Status)}
	if strings.HasPrefix(s.end.Key, fact) {
		return c.answer(out)
	}
	e.Key = fact
	if c.r.Header.Get("Idempotency-Key") == "" {
		e.Key += "/" + strings.TrimPrefix(s.end.ID, whodid.PrefixEvent+"-")
	}
	if told := ask.Contradicts(s.Execution, &s.end, in.Status); told != nil && !in.Correct {
		// What was told and corrected since may be sent again.
		_, err := c.tenant.Asker.Event(c.ctx, whodid.EventID(c.tenant.Org, e.Key), nil)
		if errors.Is(err, ask.ErrNotFound) {
			return wrong(http.StatusConflict, `%v; if that was wrong, tell the right end with "correct": true: both stay in the trail`, told)
		}
		if err != nil {
			return err
		}
		return c.answer(out)
	}
	done, err := c.record([]whodid.Event{*e})
	if err != nil {
		return err
	}
	x, _, err := c.tenant.Asker.LastEnd(c.ctx, s.id)
	if err != nil {
		return err
	}
	out.Status, out.Changed = string(x.Status), done.New > 0
	return c.answer(out)
}

// finishFact is the part of an end's key that follows from the request, or,
// without an Idempotency-Key, from what the end says. Its time belongs to that
// only where it was told: "now" is another each time. The rest of the key is the
// end that it takes the place of, so that a third end may say again what the
// first did.
func (c *call) finishFact(e *whodid.Event, timed bool) string {
	if c.r.Header.Get("Idempotency-Key") != "" {
		return c.key("finish", e.Execution)
	}
	facts := []string{e.Execution, string(e.Result), string(e.Data.Canonical())}
	if timed {
		facts = append(facts, whodid.FormatTime(e.At))
	}
	return digestKey("finish", facts...)
}

// NewTags are tags of a run. A name that it has already gets the new value; the
// old one stays in the trail.
type NewTags struct {
	Tags map[string]string `json:"tags"`
}

func (c *call) tagExecution() error {
	var in NewTags
	if err := c.in(&in); err != nil {
		return err
	}
	if len(in.Tags) == 0 {
		return wrong(http.StatusUnprocessableEntity, "there is no tag")
	}
	s, err := c.subject()
	if err != nil {
		return err
	}
	e, err := c.about(s, "execution.tag", c.key("tag", s.id), nil)
	if err != nil {
		return err
	}
	if whodid.IsHuman(c.id.Actor) {
		// It is the person who tags, not the agent.
		e.Actor, e.ActorAuth, e.OnBehalfOf, e.OnBehalfAuth = c.id.Actor, c.id.ActorAuth, "", ""
	}
	e.Data = tagData(in.Tags)
	return c.recordOne(e)
}

// NewModelCall is one call of a model.
type NewModelCall struct {
	ExecutionID string `json:"execution_id"`
	// Provider is who served the model, such as anthropic or openai.
	Provider string `json:"provider,omitempty"`
	// Request is the service's id of the request.
	Request string `json:"request,omitempty"`
	Usage
	At *time.Time `json:"at,omitempty"`
}

func (c *call) recordModelCall() error {
	var in NewModelCall
	if err := c.in(&in); err != nil {
		return err
	}
	if in.Model == "" {
		return wrong(http.StatusUnprocessableEntity, "which model answered? model is missing")
	}
	c.r.SetPathValue("id", in.ExecutionID)
	s, err := c.subject()
	if err != nil {
		return err
	}
	data, err := in.data()
	if err != nil {
		return err
	}
	key := c.key("model", s.id)
	if in.Request != "" {
		key = digestKey("model", s.id, in.Provider, in.Request)
	}
	e, err := c.about(s, "model.call", key, in.At)
	if err != nil {
		return err
	}
	e.Data = data
	if in.Provider != "" {
		e.Data["provider"] = in.Provider
	}
	if in.Request != "" {
		e.Data["request"] = in.Request
	}
	return c.recordOne(e)
}
