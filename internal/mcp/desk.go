package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/policy"
)

// Desk is what the tools of one caller work with. A tool whose function is nil is
// not offered. All of it must be safe for concurrent use.
type Desk struct {
	// Ask calls do with the trail, and closes what it opened for that.
	Ask func(ctx context.Context, do func(*ask.Asker) error) error
	// Squads are the only squads whose work the caller may see; none is all.
	Squads []string
	Now    func() time.Time
	// Why says why a line, a commit, a pull request or a run is there.
	Why func(ctx context.Context, subject string) (*ask.Why, error)
	// Rules are those of the policies in force.
	Rules func() (policy.Rules, error)
	// Remember records a decision of the agent that asks. It must never be recorded
	// as a person's.
	Remember func(ctx context.Context, d *Decision, client string) (*Remembered, error)
	// Request asks people for an approval, in the agent's name.
	Request func(ctx context.Context, w *Wanted, client string) (*ask.ShownApproval, error)
	// Look writes into the access log that a tool was asked.
	Look func(ctx context.Context, tool string, arguments []byte, client string) error
}

// Decision is a decision that an agent took.
type Decision struct {
	Decision   string   `json:"decision" jsonschema:"what was decided, in a sentence or two"`
	Subject    string   `json:"subject" jsonschema:"what it is about, in words that will be used again, such as auth/tokens"`
	Why        string   `json:"why" jsonschema:"the reasoning"`
	Refused    []string `json:"refused,omitempty" jsonschema:"alternatives that were considered and refused"`
	Expected   string   `json:"expected,omitempty" jsonschema:"the outcome that is expected"`
	Evidence   []string `json:"evidence,omitempty" jsonschema:"where what it rests on can be found: paths, URLs, ids"`
	Issue      string   `json:"issue,omitempty" jsonschema:"the issue or pull request that it belongs to, such as acme/shop#44"`
	Supersedes []string `json:"supersedes,omitempty" jsonschema:"ids of decisions whose place it takes"`
}

// Event is the decision as an event, not yet signed.
func (d *Decision) Event() whodid.Event {
	e := whodid.Event{What: "decision.record", Target: d.Subject, Why: d.Why, Data: whodid.Data{"decided": d.Decision}}
	for name, value := range map[string]string{"expected": d.Expected, "issue": d.Issue} {
		if value != "" {
			e.Data[name] = value
		}
	}
	for name, list := range map[string][]string{"alternatives": d.Refused, "supported_by": d.Evidence} {
		if len(list) > 0 {
			e.Data[name] = list
		}
	}
	return e
}

// Remembered says what was recorded.
type Remembered struct {
	DecisionID string `json:"decision_id"`
	Who        string `json:"who"`
	// New is false if the trail had it already.
	New bool `json:"new"`
}

// Wanted is an action that an agent asks an approval for.
type Wanted struct {
	Type      string         `json:"type" jsonschema:"the action, such as pr.merge"`
	Target    string         `json:"target" jsonschema:"what it is to be done on, such as acme/shop#44"`
	Summary   string         `json:"summary" jsonschema:"what is to be done, in words that a person can judge"`
	Why       string         `json:"why" jsonschema:"what for"`
	Arguments map[string]any `json:"arguments,omitempty" jsonschema:"the arguments; the approval holds for just these"`
}

// maxArgument bounds each string that a client sends.
const maxArgument = 4096

// checkArguments refuses what no agent would say.
func checkArguments(raw []byte) error {
	var v any
	if err := json.Unmarshal(raw, &v); len(raw) > 0 && err != nil {
		return errors.New("the arguments are no JSON")
	}
	return checkLengths(v)
}

func checkLengths(v any) error {
	switch v := v.(type) {
	case string:
		if len(v) > maxArgument {
			return fmt.Errorf("a string has %d bytes, %d are allowed", len(v), maxArgument)
		}
	case []any:
		for _, x := range v {
			if err := checkLengths(x); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, x := range v {
			if err := errors.Join(checkLengths(name), checkLengths(x)); err != nil {
				return err
			}
		}
	}
	return nil
}
