package gitcheck

import (
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
)

// maxListedInEvent bounds the lists of an event, so that it fits.
const maxListedInEvent = 50

// Verdicts are the events that record a report: one for each commit, rule,
// policy and outcome, so that checking again tells nothing new, and an exception
// that was added since does.
func Verdicts(r *Report, at time.Time) []whodid.Event {
	var events []whodid.Event
	for i := range r.Commits {
		c := &r.Commits[i]
		if c.ID == "" {
			continue // there is no commit to speak of
		}
		for k := range c.Rules {
			rule := &c.Rules[k]
			data := whodid.Data{
				"sha": c.ID, "rule": rule.ID, "outcome": string(rule.Outcome), "severity": string(rule.Severity),
				"policy": r.Policy.Version, "policy_digest": r.Policy.Digest,
			}
			if codes := codesOf(rule.Findings); len(codes) > 0 {
				data["findings"] = codes
			}
			if len(c.Executions) > 0 {
				data["executions"] = validIDs(c.Executions)
			}
			if rule.Exception != nil {
				data["exception"] = rule.Exception.ID
			}
			events = append(events, whodid.Event{
				Key:   whodid.DeriveID("verdict", c.ID, rule.ID, r.Policy.Digest, string(rule.Outcome)),
				Actor: whodid.System, What: "policy.verdict", Target: c.ID, At: at, Source: "cli", Data: data,
			})
		}
	}
	return events
}

func codesOf(findings []Finding) []string {
	var codes []string
	for _, f := range findings {
		codes = appendNew(codes, string(f.Code))
	}
	return codes[:min(len(codes), len(policy.Codes()))]
}

// validIDs leaves out what a message calls an execution and can't be one: it
// may be any text.
func validIDs(ids []string) []string {
	out := []string{}
	for _, id := range ids {
		if whodid.ValidID(id) && len(out) < maxListedInEvent {
			out = append(out, id)
		}
	}
	return out
}
