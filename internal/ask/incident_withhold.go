package ask

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// NotDisclosed stands in the place of a text that is withheld; what is no text is
// null.
const NotDisclosed = "(not disclosed)"

// From which fields of events the values of what was found out come: of a name that
// is not here all of it is withheld, whichever field is.
const (
	ofTarget = 1 << iota
	ofWhy
	ofActor
	ofBehalf
	ofData
	nothingOf = 0 // a leaf shows it, or it says nothing of an event
	anyField  = ofTarget | ofWhy | ofActor | ofBehalf | ofData
)

// incidentNames are the JSON names of [IncidentShow]. Sentences are made of several
// fields, and go with each of them.
var incidentNames = map[int]string{
	nothingOf: `action_type agent approval_id as_of at authored_at certain changed closed_at clue committed_at completed_at confirmation decided_at did enough
		event_id evidence execution_id failed_before files_cut follows form found_by hold_id how incident_id kind link looked name notes opened_at parents
		parts placed_at policy released_at requested_at result runs runs_more score seen seq session_id since source squad started_at state status suspects
		sure timeline_cut tree_size unit unusual used_at verdict weak what
		analysis approvals claimed custody deploys execution figures findings firsts holds normal note_list people radius reasons timeline unapproved`,
	ofTarget: "target path files new_files pull_request pull_requests issues releases repository scope subject",
	ofWhy:    "why title text close_reason reason release_reason summary",
	ofActor: `actor author by by_auth closed_by credits decided_auth decided_by opened_auth opened_by placed_by released_by requested_by
		used_by`,
	ofBehalf:           "on_behalf_of",
	ofActor | ofBehalf: "who",
	ofData: `added commit commits cost_known_micros cost_micros cost_state digest expires_at files_changed from high level lines_added lines_removed low median
		model parent related removed rule severity signing_key status_reason subagent tags tokens_cache_read tokens_cache_write tokens_in tokens_out trigger
		type until valid_until`,
	ofTarget | ofData: "environment value",
	ofWhy | ofData:    "trigger_detail",
	anyField:          "answer command detail doubt flaw mend missing steps",
}

func fieldBit(field string) int {
	return map[string]int{proof.FieldTarget: ofTarget, proof.FieldWhy: ofWhy, proof.FieldActor: ofActor, proof.FieldOnBehalfOf: ofBehalf, proof.FieldData: ofData}[field]
}

// withheldIncident is what was found out of an incident as JSON, without what the
// values of the fields are in.
func withheldIncident(s *IncidentShow, fields []string) (map[string]any, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("couldn't write the incident: %w", err)
	}
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var all map[string]any
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("couldn't write the incident: %w", err)
	}
	w := withholder{names: map[string]int{}}
	for _, f := range fields {
		w.fields |= fieldBit(f)
	}
	for from, names := range incidentNames {
		for name := range strings.FieldsSeq(names) {
			w.names[name] = from
		}
	}
	w.object(all)
	all["withheld"] = fields
	return all, nil
}

type withholder struct {
	fields int
	names  map[string]int
}

func (w *withholder) object(o map[string]any) {
	for name, v := range o {
		from, known := w.names[name]
		if !known {
			from = anyField
		}
		switch {
		case from&w.fields == 0:
			w.within(v)
		case from&ofActor != 0 && isAgent(v): // a leaf shows it
		default:
			o[name] = withheldValue(v)
		}
	}
}

// within goes into what is told, whose parts have names of their own.
func (w *withholder) within(v any) {
	switch v := v.(type) {
	case map[string]any:
		w.object(v)
	case []any:
		for i := range v {
			w.within(v[i])
		}
	}
}

// isAgent tells whether v is an actor that is no person.
func isAgent(v any) bool {
	s, _ := v.(string)
	return whodid.AgentOf(s) != "" || s == whodid.System
}

// withheldValue is what stands in the place of a value: that there is none stays to be
// seen.
func withheldValue(v any) any {
	switch s, isText := v.(string); {
	case isText && s == "":
		return s
	case isText:
		return NotDisclosed
	default:
		return nil
	}
}
