package page

import (
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/proof"
)

// integrityPage is where the log stands, and what is known to be missing.
type integrityPage struct {
	Head  *ask.LogHead
	Pulse *ask.Pulse
	// Checked is the answer of a verification; nil until somebody asks for it.
	Checked  *ask.Verification
	Verdicts []verdict
	Again    string
	Gaps     []ask.Event
	Sinks    []ask.Sink
	Hooks    []ask.Hook
	// Compared is how much of what agents do not control the trail explains, as of
	// the last comparison that was recorded; nil if there was none.
	Compared *ask.LastReconciliation
	Now      time.Time
}

// verdict is one of the five questions with its answer.
type verdict struct {
	Name, Question string
	proof.Verdict
}

// verdictClass is how a verdict looks.
func verdictClass(state proof.State) string {
	switch state {
	case proof.Proved:
		return "ok"
	case proof.Refuted:
		return "bad"
	case proof.Conditional:
		return "warn"
	default:
		return "off"
	}
}

func verdictsOf(v *proof.Verdicts) []verdict {
	return []verdict{
		{"Integrity", "Is what is shown what was recorded?", v.Integrity},
		{"Completeness", "Is all shown that was recorded?", v.Completeness},
		{"Authorship", "Did the named actor do it?", v.Authorship},
		{"Time", "Did it happen when it says?", v.Time},
		{"Approval", "Was it done with the approval it needed?", v.Approval},
	}
}

// gapsBack is how far back gaps are looked for.
const gapsBack = 30 * 24 * time.Hour

func (r *request) integrity() (*answer, error) {
	head, err := r.t.Asker.LogHead(r.ctx)
	if err != nil {
		return nil, err
	}
	page := &integrityPage{Head: head, Now: r.now, Again: "/integrity?verify=1"}
	since := r.now.Add(-gapsBack)
	if page.Pulse, err = r.t.Asker.Pulse(r.ctx, since); err != nil {
		return nil, err
	}
	gaps, _, err := r.t.Asker.Newest(r.ctx, ask.Selection{Limit: pageRows, Filter: whodid.Filter{
		Since: since, Terms: []whodid.Term{{Field: whodid.FilterType, Values: []string{"record.gap"}}},
	}}, nil)
	if err != nil {
		return nil, err
	}
	page.Gaps = gaps.Events
	if page.Compared, err = r.t.Asker.LastReconciliation(r.ctx); err != nil {
		return nil, err
	}
	sinks, err := r.t.Asker.Sinks(r.ctx)
	if err != nil {
		return nil, err
	}
	page.Sinks = sinks.Sinks
	hooks, err := r.t.Asker.Hooks(r.ctx)
	if err != nil {
		return nil, err
	}
	page.Hooks = hooks.Hooks
	a := &answer{title: "Integrity", page: page, value: head, rows: gaps.Events}
	if r.query("verify") == "" {
		return a, nil
	}
	var o ask.VerifyOptions
	if r.pages.options.Trust != nil {
		if o, err = r.pages.options.Trust(r.ctx, r.t); err != nil {
			return nil, err
		}
	}
	if page.Checked, err = r.t.Asker.Verify(r.ctx, o); err != nil {
		return nil, err
	}
	page.Verdicts, a.value = verdictsOf(&page.Checked.Verdicts), page.Checked
	return a, nil
}
