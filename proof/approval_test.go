package proof_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// approved is an action of an agent and the events of its approval: the request,
// the grant and the use.
type approved struct{ action, request, decision, use whodid.Event }

func newApproved() *approved {
	const id, digest = "appr-7k2m9q4tz8w1c3ab", "sha256:00"
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	part := func(what, part, actor string, after time.Duration, d whodid.Data) whodid.Event {
		d["digest"] = digest
		return whodid.Event{
			Org: "acme", Key: whodid.ApprovalKey(id, part), What: what, Actor: actor, ActorAuth: "oidc", Approval: id, Target: "acme/shop#44", Why: "the tests pass",
			At: at.Add(after), RecordedAt: at.Add(after), Source: "cli", Data: d, Execution: whodid.DeriveID(whodid.PrefixExecution, "1"),
		}
	}
	a := &approved{
		request: part("approval.request", "request", "agent:eng/solver", 0, whodid.Data{"type": "pr.merge", "for_agent": "eng/solver"}),
		decision: part("approval.grant", "decision", "human:ab12", time.Minute, whodid.Data{
			"expires": whodid.FormatTime(at.Add(time.Hour)), "signature": []string{"made up"}, "signing_key": "SHA256:key",
		}),
		use: part("approval.use", "use", "agent:eng/solver", 2*time.Minute, whodid.Data{"call": "toolu_1"}),
		action: whodid.Event{
			Org: "acme", Key: "call-1", What: "pr.merge", Actor: "agent:eng/solver", Approval: id, Target: "acme/shop#44", Result: whodid.ResultSuccess,
			At: at.Add(3 * time.Minute), RecordedAt: at.Add(4 * time.Minute), Source: "hook:claude-code", Data: whodid.Data{"call": "toolu_1"},
			Execution: whodid.DeriveID(whodid.PrefixExecution, "1"),
		},
	}
	return a
}

func (a *approved) bundle(t *testing.T, log testLog, parts ...*whodid.Event) *proof.Bundle {
	t.Helper()
	prove := func(e *whodid.Event) *proof.Bundle {
		e.ID = ""
		e.Identify()
		return log.bundle(t, recordOf(e), 3)
	}
	b := prove(&a.action)
	for _, p := range parts {
		b.Approval = append(b.Approval, prove(p))
	}
	return b
}

// What a bundle says of the approval that its event names.
func TestApprovalVerdict(t *testing.T) {
	t.Parallel()
	log := newTestLog(t)
	fits := func(a *whodid.Approval) error {
		if a.Signature != "made up" {
			return errors.New("it does not fit")
		}
		return nil
	}
	for name, test := range map[string]struct {
		change func(*approved)
		parts  string // r, d, u; "" is all
		sign   proof.Signature
		after  func(*testing.T, *proof.Bundle)
		want   proof.State
		says   string
	}{
		"approved and signed":        {sign: fits, want: proof.Proved, says: "human:ab12 approved it"},
		"nobody says whose keys":     {want: proof.Conditional, says: "no allowed signers"},
		"not signed":                 {change: func(a *approved) { delete(a.decision.Data, "signature") }, sign: fits, want: proof.Conditional, says: "oidc"},
		"signed by another":          {change: func(a *approved) { a.decision.Data["signature"] = []string{"other"} }, sign: fits, want: proof.Refuted, says: "signature"},
		"a signature was asked for":  {change: func(a *approved) { a.request.Data["signature_required"] = true; delete(a.decision.Data, "signature") }, want: proof.Refuted, says: "asks for a signature"},
		"its use is not shown":       {parts: "rd", sign: fits, want: proof.Conditional, says: "used for nothing else"},
		"its decision is not shown":  {parts: "r", sign: fits, want: proof.Refuted, says: "pending"},
		"its request is not shown":   {parts: "du", sign: fits, want: proof.NotShown, says: "request"},
		"nothing of it is shown":     {parts: "-", sign: fits, want: proof.NotShown, says: "not in this bundle"},
		"it names none":              {change: func(a *approved) { a.action.Approval = "" }, want: proof.NotShown, says: "names no approval"},
		"rejected":                   {change: func(a *approved) { a.decision.What = "approval.reject" }, sign: fits, want: proof.Refuted, says: "rejected"},
		"approved by an agent":       {change: func(a *approved) { a.decision.Actor = "agent:eng/other" }, sign: fits, want: proof.Refuted, says: "only people decide"},
		"approved by who asked":      {change: func(a *approved) { a.request.Actor = "human:ab12" }, sign: fits, want: proof.Refuted, says: "own request"},
		"of other arguments":         {change: func(a *approved) { a.decision.Data["digest"] = "sha256:01" }, sign: fits, want: proof.Refuted, says: "other arguments"},
		"used for other arguments":   {change: func(a *approved) { a.use.Data["call"] = "toolu_2" }, sign: fits, want: proof.Refuted, says: "another call"},
		"for another agent":          {change: func(a *approved) { a.request.Data["for_agent"] = "eng/other" }, sign: fits, want: proof.Refuted, says: "it is for eng/other"},
		"for another target by hand": {change: func(a *approved) { delete(a.use.Data, "call"); a.action.Target = "acme/shop#45" }, sign: fits, want: proof.Refuted, says: "other arguments"},
		"it had run out": {change: func(a *approved) {
			a.use.RecordedAt = a.use.RecordedAt.Add(2 * time.Hour)
			a.action.At = a.use.RecordedAt
			a.action.RecordedAt = a.action.At
		}, sign: fits, want: proof.Refuted, says: "run out"},
		"approved afterwards":       {change: func(a *approved) { a.decision.RecordedAt = a.action.RecordedAt.Add(time.Minute) }, parts: "rd", sign: fits, want: proof.Refuted, says: "only after"},
		"parts of another approval": {change: func(a *approved) { a.action.Approval = "appr-0000000000000000" }, sign: fits, want: proof.Refuted, says: "no part of it"},
		"a part twice":              {parts: "rddu", sign: fits, want: proof.Refuted, says: "twice"},
		"a part that was changed": {
			after: func(_ *testing.T, b *proof.Bundle) {
				b.Approval[1].Leaf = strings.Replace(b.Approval[1].Leaf, "approval.grant", "approval.grunt", 1)
			},
			sign: fits, want: proof.Refuted, says: "relied on",
		},
		"a part of another log": {
			after: func(t *testing.T, b *proof.Bundle) {
				t.Helper()
				b.Approval[1] = newApproved().bundle(t, newTestLog(t))
				b.Approval[1].Origin = "example.com/other"
			},
			sign: fits, want: proof.Refuted, says: "relied on",
		},
		"a part that another key signed": {
			after: func(t *testing.T, b *proof.Bundle) {
				t.Helper()
				other, forged := newTestLog(t), newApproved()
				b.Approval[1] = forged.bundle(t, other, &forged.decision).Approval[0]
			},
			sign: fits, want: proof.Refuted, says: "relied on",
		},
		"parts of parts": {after: func(_ *testing.T, b *proof.Bundle) { b.Approval[0].Approval = b.Approval[1:] }, sign: fits, want: proof.Refuted, says: "relied on"},
		"no part at all": {after: func(_ *testing.T, b *proof.Bundle) { b.Approval[0] = nil }, sign: fits, want: proof.Refuted, says: "relied on"},
		"withheld": {
			after: func(t *testing.T, b *proof.Bundle) {
				t.Helper()
				if err := b.Redact(proof.FieldWhy); err != nil {
					t.Fatal(err)
				}
				for _, part := range b.Approval {
					if _, shown := part.Disclosed[proof.FieldWhy]; shown {
						t.Error("the parts still tell what was redacted")
					}
				}
			},
			sign: fits, want: proof.NotShown, says: "not disclosed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApproved()
			if test.change != nil {
				test.change(a)
			}
			if test.parts == "" {
				test.parts = "rdu"
			}
			var parts []*whodid.Event
			for _, p := range strings.Trim(test.parts, "-") {
				parts = append(parts, map[rune]*whodid.Event{'r': &a.request, 'd': &a.decision, 'u': &a.use}[p])
			}
			b := a.bundle(t, log, parts...)
			if test.after != nil {
				test.after(t, b)
			}
			v := proof.CheckSigned(b, log.keys, test.sign)
			if v.Integrity.State != proof.Proved {
				t.Fatalf("integrity: %+v", v.Integrity)
			}
			if v.Approval.State != test.want || !strings.Contains(v.Approval.Detail, test.says) {
				t.Errorf("%+v, want %s and %q", v.Approval, test.want, test.says)
			}
		})
	}
}
