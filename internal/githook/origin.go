package githook

import (
	"context"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/trailer"
)

// UnknownModel is what the trailer Model says if no model is known, as of a
// script that runs under "whodid run".
const UnknownModel = "unknown"

// Source is where the origin of a commit is found out.
type Source struct {
	Env     place.Env
	Process Process
	// Spool is the folder of events that wait.
	Spool string
	// Trail asks the trail about an execution. It is asked last, and only if
	// neither the environment nor the spool knows. May be nil.
	Trail func(ctx context.Context, execution string) (Known, bool)
}

// Origin tells where a commit comes from that is made here and now. ok is false
// where a person is at work.
//
// The agent and the trigger are those with which the execution is recorded, and
// else, as where nothing was recorded yet, those with which a hook would record
// it. The model is that which answered last, else the one that was asked for,
// else [UnknownModel].
func (s *Source) Origin(ctx context.Context) (o trailer.Origin, ok bool) {
	c, ok := Claimed(s.Env, s.Process)
	if !ok {
		return trailer.Origin{}, false
	}
	k := Known{Agent: c.Agent, Trigger: c.Trigger}
	spooled := told(s.Spool, c)
	k.fill(spooled)
	k.Model = first(transcriptModel(s.Env, c, spooled.Acting), s.Env("WHODID_MODEL"), spooled.Model)
	if (k.Agent == "" || k.Trigger == "" || k.Model == "") && s.Trail != nil {
		if recorded, ok := s.Trail(ctx, c.Execution); ok {
			k.fill(recorded)
		}
	}
	k.fill(Known{Agent: agent.Default(first(c.Client, agent.ClaudeCode)), Trigger: whodid.TriggerManual, Model: UnknownModel})
	o = trailer.Origin{
		Agent: k.Agent, Squad: whodid.Squad(k.Agent), Trigger: k.Trigger, Execution: c.Execution, Model: k.Model,
	}
	if kind, detail, err := whodid.ParseTrigger(k.Trigger); err == nil {
		o.Trigger = whodid.FormatTrigger(kind, detail)
	}
	if o.Validate() != nil {
		// What is odd about a detail or a model is no reason to lose the rest.
		kind, _, _ := whodid.ParseTrigger(k.Trigger)
		o.Trigger = first(kind, whodid.TriggerManual)
		if o.Validate() != nil {
			o.Model = UnknownModel
		}
	}
	return o, o.Validate() == nil
}

// fill takes what is not known yet.
func (k *Known) fill(from Known) {
	k.Agent = first(k.Agent, from.Agent)
	k.Trigger = first(k.Trigger, from.Trigger)
	k.Model = first(k.Model, from.Model)
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
