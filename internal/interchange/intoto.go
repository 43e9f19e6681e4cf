package interchange

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/whodid/whodid/internal/sink"
)

// The names of the attestation.
const (
	// StatementType is in-toto's attestation framework, version 1.
	StatementType = "https://in-toto.io/Statement/v1"
	// PredicateType is what the statement says of its subjects: which run they came
	// from. A change that others would notice gets another number.
	PredicateType = "https://github.com/whodid/whodid/attestation/run/v1"
	// PayloadType is what the envelope holds.
	PayloadType = "application/vnd.in-toto+json"
)

// statement is an in-toto Statement.
type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name,omitempty"`
	Digest map[string]string `json:"digest"`
}

// predicate says which run it was and what it did.
type predicate struct {
	Run      run               `json:"run"`
	Events   []json.RawMessage `json:"events"`
	Log      log               `json:"log"`
	Exporter exporter          `json:"exporter"`
}

type run struct {
	ExecutionID   string     `json:"execution_id"`
	Agent         string     `json:"agent"`
	Squad         string     `json:"squad"`
	Trigger       string     `json:"trigger"`
	TriggerDetail string     `json:"trigger_detail,omitempty"`
	Why           string     `json:"why,omitempty"`
	StartedAt     *time.Time `json:"started_at"`
	CompletedAt   *time.Time `json:"completed_at"`
	Status        string     `json:"status"`
	Model         string     `json:"model,omitempty"`
	TokensIn      *int64     `json:"tokens_in"`
	TokensOut     *int64     `json:"tokens_out"`
	CostMicros    *int64     `json:"cost_micros"`
	CostState     string     `json:"cost_state"`
	Parent        string     `json:"parent,omitempty"`
	OnBehalfOf    string     `json:"on_behalf_of,omitempty"`
}

type log struct {
	Origin     string `json:"origin"`
	PublicKey  string `json:"public_key"`
	Checkpoint string `json:"checkpoint"`
}

type exporter struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// InToto writes the run as an in-toto Statement: of the commits that it made, of the
// files in them, and of the run itself.
func InToto(r *Run) ([]byte, error) {
	if len(r.Rows) == 0 {
		return nil, errors.New("couldn't attest the run: the trail has no event of it")
	}
	x := r.Execution
	events, err := r.records()
	if err != nil {
		return nil, err
	}
	s := statement{Type: StatementType, PredicateType: PredicateType, Predicate: predicate{
		Run: run{
			ExecutionID: x.ExecutionID, Agent: x.Agent, Squad: x.Squad, Trigger: x.Trigger, StartedAt: x.StartedAt, CompletedAt: x.CompletedAt, Status: x.Status,
			Model: x.Model, TokensIn: x.TokensIn, TokensOut: x.TokensOut, CostMicros: x.CostMicros, CostState: x.CostState, Parent: x.Parent,
		},
		Events: events, Log: log{Origin: r.Origin, PublicKey: r.PublicKey, Checkpoint: r.Checkpoint}, Exporter: exporter{Name: "whodid", Version: r.Version},
	}}
	if r.Fields == sink.All {
		s.Predicate.Run.TriggerDetail, s.Predicate.Run.Why, s.Predicate.Run.OnBehalfOf = x.TriggerDetail, x.Why, x.OnBehalfOf
	}
	for _, c := range r.Commits {
		s.Subject = append(s.Subject, subject{Name: "git:" + c.ID, Digest: map[string]string{"gitCommit": c.ID}})
		for _, f := range c.Files {
			file := subject{Digest: map[string]string{"gitBlob": f.Blob}}
			if r.Fields == sink.All {
				file.Name = f.Path
			}
			s.Subject = append(s.Subject, file)
		}
	}
	// The run itself: the leaf of its first event, whose hash is in the log.
	s.Subject = append(s.Subject, subject{Name: x.ExecutionID, Digest: map[string]string{"sha256": hex.EncodeToString(r.Rows[0].LeafHash[:])}})
	return marshal(s)
}
