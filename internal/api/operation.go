package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/proof"
)

// Operation is one thing that the API does.
type Operation struct {
	// ID names the operation in the OpenAPI document.
	ID           string
	Method, Path string // the path as OpenAPI writes it, "/v1/events/{id}"
	Tag          string
	Summary      string
	Description  string
	Needs        auth.Permission
	Params       []Param
	// In is a value of the body's type; nil for none. Many tells that a list of
	// such is taken too.
	In   any
	Many bool
	// Out is a value of the answer's type; nil if Media tells another.
	Out    any
	Media  string // of the answer; empty is application/json
	Status int    // of the answer; 0 is 200
	// MaxBody bounds the body in bytes; 0 is the server's own bound.
	MaxBody int64
	// Endless marks an answer that goes on for as long as the caller listens.
	Endless bool

	handle func(*call) error
}

// Param is a parameter of an operation.
type Param struct {
	Name    string
	In      string // "path", "query" or "header"
	Type    string // "string", "integer", "boolean"
	Meaning string
	Example string
}

// pattern is the path as http.ServeMux has it.
func (o *Operation) pattern() string { return strings.ReplaceAll(o.Path, "{path}", "{path...}") }

// Success is the status of an answer that holds what was asked for.
func (o *Operation) Success() int {
	if o.Status == 0 {
		return http.StatusOK
	}
	return o.Status
}

func inPath(name, meaning string) Param {
	return Param{Name: name, In: "path", Type: "string", Meaning: meaning}
}

func query(name, kind, meaning, example string) Param {
	return Param{Name: name, In: "query", Type: kind, Meaning: meaning, Example: example}
}

// idempotency is the parameter of operations that make something new.
func idempotency() Param {
	return Param{
		Name: "Idempotency-Key", In: "header", Type: "string",
		Meaning: "Names this request, so that sending it again changes nothing. Up to 255 characters; it is kept as a digest only.",
	}
}

func filterParam() Param {
	return query("q", "string", "What to select, in the filter language of docs/filter.md.", `agent:engineering/* status:failed since:7d "free text"`)
}

func pageParams() []Param {
	return []Param{
		query("limit", "integer", "At most so many; 100 unless you say, 1000 at most.", ""),
		query("cursor", "string", "The cursor that the page before ended with.", ""),
	}
}

func listParams() []Param { return append([]Param{filterParam()}, pageParams()...) }

func periodParams() []Param {
	return []Param{
		filterParam(),
		query("since", "string", "From this time on: 7d, 30m, yesterday, 2026-11-01 or 2026-11-01T08:00:00Z. 7d unless you say.", "7d"),
		query("until", "string", "Up to this time, written like since.", ""),
		query("agent", "string", "Only this agent, or a beginning followed by *.", "engineering/*"),
		query("squad", "string", "Only agents of this squad.", ""),
		query("status", "string", "Only runs in this status.", ""),
	}
}

func zoneParam() Param {
	return query("zone", "string", "Time zone that months and days are of; UTC unless you say.", "Europe/Berlin")
}

// Operations lists everything that the API does.
func Operations() []Operation {
	return slices.Concat(recording(), asking(), reporting(), approving(), responding(), proving())
}

func recording() []Operation {
	return []Operation{
		{
			ID: "recordEvents", Method: http.MethodPost, Path: "/v1/events", Tag: "record", Needs: auth.Record,
			Summary:     "Record one event or many",
			Description: "Takes one event, or a list of at most 10000. All enter or, if one is not valid, none. When the answer comes they are on disk and under a signed checkpoint. An event whose key the trail knows changes nothing, so that any request may be sent again.",
			Params:      []Param{idempotency()}, In: NewEvent{}, Many: true, Out: Recorded{}, MaxBody: 16 << 20, handle: (*call).recordEvents,
		},
		{
			ID: "startExecution", Method: http.MethodPost, Path: "/v1/executions", Tag: "record", Needs: auth.Record,
			Summary: "Record that a run began", Status: http.StatusCreated,
			Params: []Param{idempotency()}, In: NewExecution{}, Out: Started{}, MaxBody: 64 << 10, handle: (*call).startExecution,
		},
		{
			ID: "renewExecution", Method: http.MethodPost, Path: "/v1/executions/{id}/renew", Tag: "record", Needs: auth.Record,
			Summary: "Record that a run is still going",
			Params:  []Param{inPath("id", "The run's whole id."), idempotency()}, In: Renewal{}, Out: RecordedEvent{}, MaxBody: 64 << 10, handle: (*call).renewExecution,
		},
		{
			ID: "finishExecution", Method: http.MethodPost, Path: "/v1/executions/{id}/finish", Tag: "record", Needs: auth.Record,
			Summary:     "Record that a run ended, and how",
			Description: "Telling the same end twice changes nothing, and telling more of it adds to it. A run that was lost has ended as is told here. An end that contradicts the one that was told before is answered 409, unless correct is true: then both stay in the trail, and the later one counts.",
			Params:      []Param{inPath("id", "The run's whole id."), idempotency()}, In: Finish{}, Out: Finished{}, MaxBody: 64 << 10, handle: (*call).finishExecution,
		},
		{
			ID: "tagExecution", Method: http.MethodPost, Path: "/v1/executions/{id}/tags", Tag: "record", Needs: auth.Record,
			Summary: "Tag a run, so that it can be found again",
			Params:  []Param{inPath("id", "The run's whole id."), idempotency()}, In: NewTags{}, Out: RecordedEvent{}, MaxBody: 64 << 10, handle: (*call).tagExecution,
		},
		{
			ID: "recordModelCall", Method: http.MethodPost, Path: "/v1/model-calls", Tag: "record", Needs: auth.Record,
			Summary:     "Record one call of a model: tokens and cost",
			Description: "What is left out stays unknown. The cost is computed from a price table if it is not given and tokens and model are known. With request the same call may be told again and is recorded once.",
			Params:      []Param{idempotency()}, In: NewModelCall{}, Out: RecordedEvent{}, Status: http.StatusCreated, MaxBody: 64 << 10, handle: (*call).recordModelCall,
		},
		{
			ID: "sync", Method: http.MethodPost, Path: "/v1/sync", Tag: "sync", Needs: auth.Record,
			Summary:     "Take in a part of another trail, and prove it",
			Description: "What whodid sync sends: events as another trail has them, of which each is recorded once. The answer proves under a signed checkpoint that they are in this log (docs/sync.md).",
			In:          SyncBatch{}, Out: SyncAnswer{}, MaxBody: 16 << 20, handle: (*call).sync,
		},
	}
}

func asking() []Operation {
	return []Operation{
		{
			ID: "listEvents", Method: http.MethodGet, Path: "/v1/events", Tag: "ask", Needs: auth.Read,
			Summary:     "List events in the order of the log",
			Description: "The log only grows at its end: who goes on from the index behind the last event misses nothing.",
			Params:      append(listParams(), query("from", "integer", "Begin with the event at this index.", "0")), Out: EventPage{}, handle: (*call).listEvents,
		},
		{
			ID: "showEvent", Method: http.MethodGet, Path: "/v1/events/{id}", Tag: "ask", Needs: auth.Read,
			Summary: "Show one event", Params: []Param{inPath("id", "The event's id, or a unique beginning of it.")}, Out: ask.Event{}, handle: (*call).showEvent,
		},
		{
			ID: "listExecutions", Method: http.MethodGet, Path: "/v1/executions", Tag: "ask", Needs: auth.Read,
			Summary: "List runs, the last started first", Params: listParams(), Out: ExecutionPage{}, handle: (*call).listExecutions,
		},
		{
			ID: "showExecution", Method: http.MethodGet, Path: "/v1/executions/{id}", Tag: "ask", Needs: auth.Read,
			Summary: "Show one run with all that it did", Params: []Param{inPath("id", "The run's id, or a unique beginning of it.")}, Out: ask.Show{}, handle: (*call).showExecution,
		},
		{
			ID: "listActions", Method: http.MethodGet, Path: "/v1/actions", Tag: "ask", Needs: auth.Read,
			Summary: "List what was done, the newest first", Params: listParams(), Out: ActionPage{}, handle: (*call).listActions,
		},
		{
			ID: "search", Method: http.MethodGet, Path: "/v1/search", Tag: "ask", Needs: auth.Read,
			Summary:     "Find anything by its words, the best match first",
			Description: "Searches runs, actions, commits, pull requests, issues, approvals, decisions, sessions and files at once. Words and the filter language mix; docs/search.md says how hits are ranked.",
			Params: []Param{
				query("q", "string", "Words, and terms of the filter language of docs/filter.md.", `rotate token agent:ops/* since:30d`),
				query("limit", "integer", "At most so many; 20 unless you say, 100 at most.", ""),
				query("cursor", "string", "The cursor that the page before ended with.", ""),
			}, Out: ask.SearchResult{}, handle: (*call).search,
		},
		{
			ID: "listSessions", Method: http.MethodGet, Path: "/v1/sessions", Tag: "ask", Needs: auth.Read,
			Summary: "List sessions of agents' clients, with tokens, cost and files", Params: []Param{
				query("agent", "string", "Only this agent, or a beginning followed by *.", "engineering/*"),
				query("client", "string", "Only of this client.", "claude-code"),
				query("since", "string", "From this time on. 7d unless you say.", "7d"),
				query("until", "string", "Up to this time, written like since.", ""),
				query("limit", "integer", "At most so many; 100 unless you say, 1000 at most.", ""),
				query("cursor", "string", "Go on behind the page that gave this cursor.", ""),
			}, Out: SessionPage{}, handle: (*call).listSessions,
		},
		{
			ID: "showSession", Method: http.MethodGet, Path: "/v1/sessions/{id}", Tag: "ask", Needs: auth.Read,
			Summary: "Show one session", Params: []Param{inPath("id", "The session's id, or a unique beginning of it.")}, Out: ask.Session{}, handle: (*call).showSession,
		},
		{
			ID: "history", Method: http.MethodGet, Path: "/v1/history", Tag: "ask", Needs: auth.Read,
			Summary: "What each agent's runs add up to",
			Params:  append(periodParams(), query("runs", "boolean", "List the single runs too.", "")), Out: ask.History{}, handle: (*call).history,
		},
		{
			ID: "stats", Method: http.MethodGet, Path: "/v1/stats", Tag: "ask", Needs: auth.Read,
			Summary: "What the selected runs add up to: durations, models, triggers, actions",
			Params:  periodParams(), Out: ask.Stats{}, handle: (*call).stats,
		},
		{
			ID: "cost", Method: http.MethodGet, Path: "/v1/cost", Tag: "ask", Needs: auth.Read,
			Summary:     "What runs that began in a time cost",
			Description: "Adds up by squad, agent, model, repository, pr, outcome, status, trigger, day, week, month or execution. What is not known is in no sum and counted beside it.",
			Params: append(periodParams(),
				query("by", "string", "What to add up by, several with commas; agent unless you say.", "squad,model"),
				query("month", "string", "This month, in place of since and until.", "2026-10"), zoneParam()), Out: ask.Cost{}, handle: (*call).cost,
		},
		{
			ID: "reconcile", Method: http.MethodGet, Path: "/v1/reconcile", Tag: "ask", Needs: auth.Read,
			Summary:     "The trail against what agents do not control",
			Description: "Compares the numbering of the log, the index of commits, what forges told and the numbers of telemetry with the runs of the trail, and lists what these do not explain. Files of sessions and bills are compared on the command line.",
			Params: []Param{
				query("since", "string", "From this time on: 7d, 30m, yesterday, 2026-11-01 or 2026-11-01T08:00:00Z. 7d unless you say.", "30d"),
				query("until", "string", "Up to this time, written like since.", ""),
				query("month", "string", "This month, in place of since and until.", "2026-10"), zoneParam(),
			}, Out: ask.Reconciliation{}, handle: (*call).reconcile,
		},
		{
			ID: "why", Method: http.MethodGet, Path: "/v1/commits/{id}/why", Tag: "ask", Needs: auth.Read,
			Summary: "Which run made a commit, as the trail knows it", Params: []Param{inPath("id", "The whole hash of the commit.")}, Out: ask.Why{}, handle: (*call).why,
		},
		{
			ID: "tail", Method: http.MethodGet, Path: "/v1/tail", Tag: "ask", Needs: auth.Read, Endless: true, Media: "text/event-stream",
			Summary:     "Follow the log as server-sent events",
			Description: "Each event of the log is one message whose id is its index and whose data is the JSON of showEvent. Who sends Last-Event-ID goes on behind it. While nothing happens a comment comes every 15 seconds.",
			Params: []Param{
				filterParam(), query("from", "integer", "Begin with the event at this index; with the next that comes unless you say.", ""),
				{Name: "Last-Event-ID", In: "header", Type: "integer", Meaning: "The index of the last event that was received."},
			}, handle: (*call).tail,
		},
		{
			ID: "catalogue", Method: http.MethodGet, Path: "/v1/catalogue", Tag: "about", Needs: auth.Read,
			Summary: "What kinds of events there are, and what each may say", Out: Catalogue{}, handle: (*call).catalogue,
		},
		{
			ID: "schema", Method: http.MethodGet, Path: "/v1/schemas/{name}", Tag: "about", Needs: auth.Read,
			Summary: "The JSON Schema of an answer, by the name of its command", Media: "application/schema+json",
			Params: []Param{inPath("name", "Such as exec-show.")}, handle: (*call).schema,
		},
		{
			ID: "openapi", Method: http.MethodGet, Path: "/v1/openapi.json", Tag: "about", Media: "application/json",
			Summary: "This document", handle: (*call).openapi,
		},
	}
}

func proving() []Operation {
	return []Operation{
		{
			ID: "verify", Method: http.MethodGet, Path: "/v1/verify", Tag: "prove", Needs: auth.Audit,
			Summary:     "Is the trail what it was?",
			Description: "Checks every event, the tree over them, the signed head and the executions that were made of them. It reads everything, so ask it seldom.",
			Out:         ask.Verification{}, handle: (*call).verify,
		},
		{
			ID: "prove", Method: http.MethodGet, Path: "/v1/events/{id}/proof", Tag: "prove", Needs: auth.Audit,
			Summary: "The bundle that proves one event to somebody who trusts nobody", Params: []Param{inPath("id", "The event's id, or a unique beginning of it.")}, Out: proof.Bundle{}, handle: (*call).prove,
		},
		{
			ID: "export", Method: http.MethodGet, Path: "/v1/export", Tag: "prove", Needs: auth.Audit, Endless: true, Media: "application/x-tar",
			Summary: "All of a period, for auditors, with a proof that none of it is missing",
			Description: "A tar archive of the folder that whodid export writes (docs/export.md); whodid-verify checks it when it is unpacked. It is written on the server first, one at a time, " +
				"and sent when it is whole, so that the answer may take minutes to begin. That it was made, and by whom, is an event of the access log.",
			Params: []Param{
				query("month", "string", "This month.", "2026-10"),
				query("from", "string", "From this time on, in place of a month: 2026-10-01, 30d or 2026-10-01T08:00:00Z.", ""),
				query("to", "string", "Up to this time, which is not in it; now unless you say.", ""),
				query("tz", "string", "The time zone that months and days are of; UTC unless you say.", "Europe/Berlin"),
				query("by", "string", "Which time says that an event is of the period: happened, unless you say, or recorded.", ""),
				query("format", "string", "Only these formats, with commas between: csv, jsonl, parquet.", ""),
				query("sample", "integer", "Draw a sample of so many rows.", ""),
				query("seed", "integer", "Decides which rows are drawn.", ""),
				query("sample_of", "string", "The table to draw the sample of; actions unless you say.", ""),
			},
			handle: (*call).export,
		},
		{
			ID: "logHead", Method: http.MethodGet, Path: "/v1/log", Tag: "prove", Needs: auth.Audit,
			Summary: "The log's name, its public key and where it stands", Out: ask.LogHead{}, handle: (*call).logHead,
		},
		{
			ID: "checkpoint", Method: http.MethodGet, Path: "/v1/log/checkpoint", Tag: "prove", Needs: auth.Audit, Media: "text/plain; charset=utf-8",
			Summary: "The signed checkpoint (C2SP tlog-checkpoint)", handle: (*call).checkpoint,
		},
		{
			ID: "tile", Method: http.MethodGet, Path: "/v1/log/tile/{path}", Tag: "prove", Needs: auth.Audit, Media: "application/octet-stream",
			Summary: "A tile of the log, or a bundle of its entries (C2SP tlog-tiles)",
			Params:  []Param{inPath("path", "Level and number, such as 0/x001/234 or entries/000.p/17.")}, handle: (*call).tile,
		},
	}
}

// Catalogue is what kinds of events there are.
type Catalogue struct {
	Kinds []whodid.Kind `json:"kinds"`
}
