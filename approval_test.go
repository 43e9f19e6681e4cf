package whodid_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

var approvalEpoch = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// part is a part of the approval appr-1, some minutes after the epoch by the
// trail's clock.
func part(what, actor string, minutes int, data whodid.Data) whodid.Event {
	of := map[string]string{"approval.request": whodid.ApprovalRequestPart, "approval.use": whodid.ApprovalUsePart}[what]
	if of == "" {
		of = whodid.ApprovalDecisionPart
	}
	if data == nil {
		data = whodid.Data{}
	}
	if data["digest"] == nil {
		data["digest"] = "sha256:aa"
	}
	return whodid.Event{
		Key: whodid.ApprovalKey("appr-1", of), What: what, Actor: actor, Approval: "appr-1", Source: "cli", Target: "acme/shop#44",
		At: approvalEpoch, RecordedAt: approvalEpoch.Add(time.Duration(minutes) * time.Minute), Data: data,
	}
}

func request(data whodid.Data) whodid.Event {
	d := whodid.Data{"type": "pr.merge", "for_agent": "eng/solver", "expires": approvalEpoch.Add(time.Hour).Format(time.RFC3339)}
	for k, v := range data {
		d[k] = v
	}
	e := part("approval.request", "agent:eng/solver", 0, d)
	e.OnBehalfOf = "human:ada"
	return e
}

// gone is what an erasure leaves of a part.
func gone(e whodid.Event) whodid.Event {
	if whodid.IsHuman(e.Actor) {
		e.Actor = whodid.ErasedPerson
	}
	e.Target, e.Why, e.OnBehalfOf, e.Data = "", "", "", nil
	return e
}

func TestFoldApproval(t *testing.T) {
	t.Parallel()
	until := whodid.Data{"expires": approvalEpoch.Add(30 * time.Minute).Format(time.RFC3339)}
	grant := part("approval.grant", "human:bob", 5, nil)
	for name, test := range map[string]struct {
		events []whodid.Event
		after  int // minutes
		want   whodid.ApprovalState
		flaw   string
	}{
		"asked":                    {[]whodid.Event{request(nil)}, 1, whodid.ApprovalPending, ""},
		"asked and forgotten":      {[]whodid.Event{request(nil)}, 60, whodid.ApprovalExpired, ""},
		"approved":                 {[]whodid.Event{request(nil), grant}, 6, whodid.ApprovalApproved, ""},
		"approved for ever":        {[]whodid.Event{request(nil), grant}, 600, whodid.ApprovalApproved, ""},
		"approved for a while":     {[]whodid.Event{request(nil), part("approval.grant", "human:bob", 5, until)}, 29, whodid.ApprovalApproved, ""},
		"approved until now":       {[]whodid.Event{request(nil), part("approval.grant", "human:bob", 5, until)}, 30, whodid.ApprovalExpired, ""},
		"rejected":                 {[]whodid.Event{request(nil), part("approval.reject", "human:bob", 5, nil)}, 600, whodid.ApprovalRejected, ""},
		"cancelled":                {[]whodid.Event{request(nil), part("approval.cancel", "agent:eng/solver", 5, nil)}, 600, whodid.ApprovalCancelled, ""},
		"expired":                  {[]whodid.Event{request(nil), part("approval.expire", whodid.System, 61, nil)}, 600, whodid.ApprovalExpired, ""},
		"used":                     {[]whodid.Event{request(nil), grant, part("approval.use", "agent:eng/solver", 6, nil)}, 7, whodid.ApprovalUsed, ""},
		"used, and time went on":   {[]whodid.Event{request(nil), part("approval.grant", "human:bob", 5, until), part("approval.use", "agent:eng/solver", 6, nil)}, 600, whodid.ApprovalUsed, ""},
		"used without a decision":  {[]whodid.Event{request(nil), part("approval.use", "agent:eng/solver", 6, nil)}, 7, whodid.ApprovalPending, ""},
		"used after a rejection":   {[]whodid.Event{request(nil), part("approval.reject", "human:bob", 5, nil), part("approval.use", "agent:eng/solver", 6, nil)}, 7, whodid.ApprovalRejected, ""},
		"used for something else":  {[]whodid.Event{request(nil), grant, part("approval.use", "agent:eng/solver", 6, whodid.Data{"digest": "sha256:bb"})}, 7, whodid.ApprovalApproved, ""},
		"used too late":            {[]whodid.Event{request(nil), part("approval.grant", "human:bob", 5, until), part("approval.use", "agent:eng/solver", 31, nil)}, 32, whodid.ApprovalExpired, ""},
		"approved by an agent":     {[]whodid.Event{request(nil), part("approval.grant", "agent:eng/solver", 5, nil)}, 6, whodid.ApprovalRejected, "only people"},
		"other arguments":          {[]whodid.Event{request(nil), part("approval.grant", "human:bob", 5, whodid.Data{"digest": "sha256:bb"})}, 6, whodid.ApprovalRejected, "other arguments"},
		"decided too late":         {[]whodid.Event{request(nil), part("approval.grant", "human:bob", 60, nil)}, 61, whodid.ApprovalRejected, "had run out"},
		"by who stands behind":     {[]whodid.Event{request(nil), part("approval.grant", "human:ada", 5, nil)}, 6, whodid.ApprovalApproved, ""},
		"four eyes":                {[]whodid.Event{request(whodid.Data{"four_eyes": true}), part("approval.grant", "human:ada", 5, nil)}, 6, whodid.ApprovalRejected, "second person"},
		"a signature is missing":   {[]whodid.Event{request(whodid.Data{"signature_required": true}), grant}, 6, whodid.ApprovalRejected, "signature"},
		"the approver was erased":  {[]whodid.Event{request(nil), part("approval.grant", whodid.ErasedPerson, 5, nil)}, 6, whodid.ApprovalApproved, ""},
		"all was erased":           {[]whodid.Event{gone(request(nil)), gone(grant)}, 600, whodid.ApprovalApproved, ""},
		"all was erased and used":  {[]whodid.Event{gone(request(nil)), gone(grant), gone(part("approval.use", "agent:eng/solver", 6, nil))}, 600, whodid.ApprovalUsed, ""},
		"a rejection was erased":   {[]whodid.Event{gone(request(nil)), gone(part("approval.reject", "human:bob", 5, nil))}, 600, whodid.ApprovalRejected, ""},
		"both persons were erased": {[]whodid.Event{gone(part("approval.request", "human:ada", 0, nil)), gone(grant)}, 6, whodid.ApprovalApproved, ""},
		"a flawed one was erased":  {[]whodid.Event{request(nil), part("approval.grant", "", 5, nil)}, 6, whodid.ApprovalRejected, "did not count"},
		"other events are nothing": {[]whodid.Event{request(nil), {What: "file.write", Approval: "appr-1"}}, 6, whodid.ApprovalPending, ""},
	} {
		a, ok := whodid.FoldApproval(test.events, approvalEpoch.Add(time.Duration(test.after)*time.Minute))
		if !ok || a.State != test.want || !strings.Contains(a.Flaw, test.flaw) || (test.flaw == "") != (a.Flaw == "") {
			t.Errorf("%s: %s %q, want %s %q", name, a.State, a.Flaw, test.want, test.flaw)
		}
	}
	if _, ok := whodid.FoldApproval([]whodid.Event{grant}, approvalEpoch); ok {
		t.Error("a decision without a request is an approval")
	}
}

// TestApprovalOrder draws parts of an approval in any order: what they add up to
// is the same, and only a person's grant of just these arguments approves.
func TestApprovalOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		minute := rapid.IntRange(0, 90)
		actor := rapid.SampledFrom([]string{"human:ada", "human:bob", "agent:eng/solver", whodid.System})
		digest := rapid.SampledFrom([]string{"sha256:aa", "sha256:bb"})
		events := []whodid.Event{request(whodid.Data{"four_eyes": rapid.Bool().Draw(t, "four eyes")})}
		kind := rapid.SampledFrom([]string{"", "approval.grant", "approval.reject", "approval.cancel", "approval.expire"}).Draw(t, "decision")
		if kind != "" {
			events = append(events, part(kind, actor.Draw(t, "by"), minute.Draw(t, "decided"), whodid.Data{"digest": digest.Draw(t, "digest")}))
		}
		if rapid.Bool().Draw(t, "used") {
			events = append(events, part("approval.use", "agent:eng/solver", minute.Draw(t, "used at"), whodid.Data{"digest": digest.Draw(t, "use")}))
		}
		now := approvalEpoch.Add(time.Duration(minute.Draw(t, "now")) * time.Minute)
		want, _ := whodid.FoldApproval(events, now)
		got, _ := whodid.FoldApproval(rapid.Permutation(events).Draw(t, "order"), now)
		if got != want {
			t.Fatalf("%+v\nin another order\n%+v", want, got)
		}
		if got.State == whodid.ApprovalApproved || got.State == whodid.ApprovalUsed {
			if kind != "approval.grant" || !whodid.IsHuman(got.DecidedBy) || events[1].Data.String("digest") != got.Digest || got.FourEyes && got.DecidedBy == "human:ada" {
				t.Fatalf("%+v is %s", events, got.State)
			}
		}
		if kind != "approval.grant" && got.Covers("eng/solver", "sha256:aa", now) == "" {
			t.Fatalf("%s covers an action", kind)
		}
	})
}

func TestApprovalCovers(t *testing.T) {
	t.Parallel()
	now := approvalEpoch.Add(6 * time.Minute)
	a, _ := whodid.FoldApproval([]whodid.Event{request(nil), part("approval.grant", "human:bob", 5, nil)}, now)
	for want, got := range map[string]string{
		"":                         a.Covers("eng/solver", "sha256:aa", now),
		"it is for eng/solver":     a.Covers("eng/other", "sha256:aa", now),
		"it is for other argument": a.Covers("eng/solver", "sha256:bb", now),
	} {
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestApprovalPlaces holds that nothing but its parts takes an approval's places
// in the trail.
func TestApprovalPlaces(t *testing.T) {
	t.Parallel()
	valid := part("approval.grant", "human:bob", 5, nil)
	if err := valid.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*whodid.Event){
		"another key":         func(e *whodid.Event) { e.Key = "cli/1" },
		"the use's place":     func(e *whodid.Event) { e.Key = whodid.ApprovalKey("appr-1", whodid.ApprovalUsePart) },
		"of another approval": func(e *whodid.Event) { e.Approval = "appr-2" },
		"of an execution":     func(e *whodid.Event) { e.Approval = "exec-1" },
		"of none":             func(e *whodid.Event) { e.Approval = "" },
		"by an agent":         func(e *whodid.Event) { e.Actor = "agent:eng/solver" },
		"by the system":       func(e *whodid.Event) { e.Actor = whodid.System },
		"an action":           func(e *whodid.Event) { e.What, e.Result, e.Data = "file.write", whodid.ResultSuccess, nil },
	} {
		e := part("approval.grant", "human:bob", 5, nil)
		change(&e)
		if err := e.Validate(); err == nil {
			t.Errorf("%s: %+v is valid", name, e)
		}
	}
}

func TestApprovalDigest(t *testing.T) {
	t.Parallel()
	base := whodid.ApprovalDigest("pr.merge", "acme/shop#44", "eng/solver", whodid.Data{"method": "squash"})
	if !strings.HasPrefix(base, "sha256:") || len(base) != len("sha256:")+64 {
		t.Errorf("%q is no digest", base)
	}
	seen := map[string]bool{base: true}
	for _, other := range []string{
		whodid.ApprovalDigest("pr.close", "acme/shop#44", "eng/solver", whodid.Data{"method": "squash"}),
		whodid.ApprovalDigest("pr.merge", "acme/shop#45", "eng/solver", whodid.Data{"method": "squash"}),
		whodid.ApprovalDigest("pr.merge", "acme/shop#44", "eng/other", whodid.Data{"method": "squash"}),
		whodid.ApprovalDigest("pr.merge", "acme/shop#44", "eng/solver", whodid.Data{"method": "merge"}),
		whodid.ApprovalDigest("pr.merge", "acme/shop#44", "eng/solver", nil),
	} {
		if seen[other] {
			t.Errorf("%s is the digest of two things", other)
		}
		seen[other] = true
	}
}
