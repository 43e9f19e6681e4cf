package sink

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Format is how events are written.
type Format string

// The formats.
const (
	// JSON is our own: the field names of the trail.
	JSON Format = "json"
	// OCSF is the Open Cybersecurity Schema Framework, version [OCSFVersion],
	// class API Activity (6003).
	OCSF Format = "ocsf"
	// CloudEvents is CloudEvents 1.0 in its JSON format.
	CloudEvents Format = "cloudevents"
	// OTLP is the logs of OpenTelemetry, in JSON over HTTP.
	OTLP Format = "otlp"
)

// Formats lists every format.
func Formats() []Format { return []Format{JSON, OCSF, CloudEvents, OTLP} }

// Fields is how much of an event leaves the trail.
type Fields string

// The amounts. Prompts, answers and file bodies are in none, for the trail has
// none.
const (
	// Public is what a published leaf shows: neither people nor targets, reasons
	// or metadata.
	Public Fields = "public"
	// Technical adds the metadata that the catalogue calls technical.
	Technical Fields = "technical"
	// All is what the trail holds: pseudonyms, targets, reasons, all metadata.
	All Fields = "all"
)

// AllFields lists every amount.
func AllFields() []Fields { return []Fields{Public, Technical, All} }

// record is an event in our own format. Fields are only ever added.
type record struct {
	Org        string        `json:"org"`
	Seq        uint64        `json:"seq"`
	EventID    string        `json:"event_id"`
	What       string        `json:"what"`
	At         time.Time     `json:"at"`
	RecordedAt time.Time     `json:"recorded_at"`
	Actor      string        `json:"actor"`
	ActorAuth  string        `json:"actor_auth,omitempty"`
	Result     whodid.Result `json:"result,omitempty"`
	Execution  string        `json:"execution_id,omitempty"`
	Session    string        `json:"session_id,omitempty"`
	Approval   string        `json:"approval_id,omitempty"`
	Source     string        `json:"source"`
	// Leaf is the event's hash in the tree, by which it can be looked up in a
	// published log.
	Leaf       string      `json:"leaf"`
	OnBehalfOf string      `json:"on_behalf_of,omitempty"`
	Target     string      `json:"target,omitempty"`
	Why        string      `json:"why,omitempty"`
	Metadata   whodid.Data `json:"metadata,omitempty"`
}

func newRecord(r *store.Row, fields Fields) (*record, error) {
	e := &record{
		Org: r.Org, Seq: r.Seq, EventID: r.ID, What: r.What, At: r.At.UTC(), RecordedAt: r.RecordedAt.UTC(), Actor: r.Actor, ActorAuth: r.ActorAuth,
		Result: r.Result, Execution: r.Execution, Session: r.Session, Approval: r.Approval, Source: r.Source,
		Leaf: base64.StdEncoding.EncodeToString(r.LeafHash[:]),
	}
	if whodid.IsHuman(r.Actor) && fields != All {
		e.Actor = "human"
	}
	if fields == Public {
		return e, nil
	}
	if err := r.ParseData(); err != nil {
		return nil, err
	}
	if fields == All {
		e.OnBehalfOf, e.Target, e.Why, e.Metadata = r.OnBehalfOf, r.Target, r.Why, r.Data
		return e, nil
	}
	kind, ok := whodid.KindOf(r.What)
	if !ok {
		return e, nil
	}
	for name, v := range r.Data {
		if f, known := kind.Allows(name); known && f.Privacy == whodid.Technical {
			if e.Metadata == nil {
				e.Metadata = whodid.Data{}
			}
			e.Metadata[name] = v
		}
	}
	return e, nil
}

// Encode writes one event.
func Encode(f Format, r *store.Row, fields Fields) ([]byte, error) {
	e, err := newRecord(r, fields)
	if err != nil {
		return nil, err
	}
	var v any = e
	switch f {
	case JSON:
	case OCSF:
		v = e.ocsf()
	case CloudEvents:
		v = e.cloudEvent()
	case OTLP:
		v = e.otlp()
	default:
		return nil, fmt.Errorf("there is no format %q", f)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("couldn't write event %s: %w", r.ID, err)
	}
	return b, nil
}

// cloudEvent is the event as https://github.com/cloudevents/spec/blob/v1.0.2/
// cloudevents/formats/json-format.md has it, with the extension "sequence".
func (e *record) cloudEvent() map[string]any {
	return map[string]any{
		"specversion": "1.0", "id": e.EventID, "source": "/whodid/" + url.PathEscape(e.Org), "type": "whodid." + e.What,
		"time": e.At.Format(time.RFC3339Nano), "datacontenttype": "application/json", "data": e,
		"sequence": strconv.FormatUint(e.Seq, 10),
	}
}

// OCSFVersion is the version of the schema that [OCSF] follows.
const OCSFVersion = "1.5.0"

// The numbers of OCSF's class API Activity.
const (
	ocsfCategory = 6    // Application Activity
	ocsfClass    = 6003 // API Activity
	ocsfCreate   = 1
	ocsfRead     = 2
	ocsfUpdate   = 3
	ocsfDelete   = 4
	ocsfOther    = 99
)

// ocsfActivity says which of OCSF's few activities a verb is.
func ocsfActivity(what string) int {
	switch verb := what[strings.LastIndexByte(what, '.')+1:]; verb {
	case "create", "start", "spawn", "add", "push", "publish", "draft", "write", "grant", "record", "set":
		return ocsfCreate
	case "read", "search", "fetch", "list":
		return ocsfRead
	case "edit", "update", "move", "rename", "merge", "close", "reopen", "review", "comment", "finish", "tag", "rotate", "migrate", "change":
		return ocsfUpdate
	case "delete", "erase", "remove", "revoke":
		return ocsfDelete
	default:
		return ocsfOther
	}
}

// ocsf is the event as OCSF's API Activity has it.
func (e *record) ocsf() map[string]any {
	activity := ocsfActivity(e.What)
	status, severity := 0, 1 // unknown, informational
	switch e.Result {
	case whodid.ResultSuccess, whodid.ResultApproved:
		status = 1
	case whodid.ResultFailed, whodid.ResultRejected, whodid.ResultBlocked, whodid.ResultTimeout, whodid.ResultCancelled:
		status, severity = 2, 2 // failure, low
	default:
	}
	class, name, _ := strings.Cut(e.Actor, ":")
	user := map[string]any{"type_id": 99, "type": class, "uid": e.Actor}
	switch class {
	case "human":
		user["type_id"] = 1 // user
	case "system":
		user["type_id"] = 3 // system
	case "agent":
		user["name"] = name
	}
	actor := map[string]any{"user": user}
	if e.Session != "" {
		actor["session"] = map[string]any{"uid": e.Session}
	}
	unmapped := map[string]any{"leaf": e.Leaf, "source": e.Source}
	for key, v := range map[string]string{"execution_id": e.Execution, "approval_id": e.Approval, "on_behalf_of": e.OnBehalfOf, "why": e.Why, "result": string(e.Result)} {
		if v != "" {
			unmapped[key] = v
		}
	}
	if len(e.Metadata) > 0 {
		unmapped["metadata"] = e.Metadata
	}
	out := map[string]any{
		"category_uid": ocsfCategory, "class_uid": ocsfClass, "activity_id": activity, "type_uid": ocsfClass*100 + activity,
		"severity_id": severity, "status_id": status, "time": e.At.UnixMilli(),
		"metadata": map[string]any{
			"version": OCSFVersion, "uid": e.EventID, "sequence": e.Seq, "tenant_uid": e.Org, "logged_time": e.RecordedAt.UnixMilli(),
			"product": map[string]any{"name": "whodid", "vendor_name": "whodid"},
		},
		"actor": actor, "api": map[string]any{"operation": e.What}, "src_endpoint": map[string]any{"name": e.Source, "svc_name": e.Source},
		"unmapped": unmapped,
	}
	if activity == ocsfOther {
		out["activity_name"] = e.What
	}
	if e.Target != "" {
		out["resources"] = []any{map[string]any{"name": e.Target}}
	}
	return out
}
