package otlp

import (
	"math"
	"strconv"
	"strings"
	"sync"
)

// Field is a meaning that an attribute can have. Agents have several names for
// most of them, and the conventions rename them, so names are data: see aliases.
type Field uint8

// The fields.
const (
	// Whose it is.
	fieldService Field = iota
	fieldServiceVersion
	fieldNamespace
	fieldAgent
	fieldAgentName
	fieldAgentLabel
	fieldSquad
	fieldExecution
	fieldTrigger
	fieldEmail
	fieldAccount

	// What it belongs to.
	fieldEvent
	fieldEventTime
	fieldSequence
	fieldSession
	fieldPrompt
	fieldSubagent
	fieldSubagentKind

	// Calls of models.
	fieldOperation
	fieldProvider
	fieldModel
	fieldResponseModel
	fieldInput
	fieldOutput
	fieldCacheRead
	fieldCacheWrite
	fieldCacheWrite1h
	fieldReasoning
	fieldToolTokens
	fieldCostUSD
	fieldCostMicros
	fieldRequest
	fieldResponse
	fieldKind

	// Calls of tools.
	fieldTool
	fieldCall
	fieldArguments
	fieldParameters
	fieldOutputText
	fieldPath
	fieldCommand
	fieldSuccess
	fieldDecision
	fieldDecider
	fieldMode
	fieldDuration
	fieldServer
	fieldMethod
	fieldErrorType
	fieldStatus

	// What clients say of themselves.
	fieldRevision
	fieldBranch
	fieldHookEvent
	fieldHookType
	fieldHookSource
	fieldFromMode
	fieldToMode

	fieldCount // how many there are
)

// aliases are the names of each field, the one that counts most first. What is
// not listed here is never read. Names of the conventions up to 1.41 and of the
// newer v0.1.0 of their own repository stand side by side.
var aliases = []struct {
	field Field
	names []string
}{
	{fieldService, []string{"service.name"}},
	{fieldServiceVersion, []string{"service.version", "app.version", "gen_ai.agent.version"}},
	{fieldNamespace, []string{"service.namespace"}},
	{fieldAgent, []string{"whodid.agent"}},
	{fieldAgentName, []string{"squads.agent", "gen_ai.agent.name", "gen_ai.workflow.name"}},
	{fieldAgentLabel, []string{"agent.name"}}, // the agent on a resource, the kind of sub-agent on Claude Code's records
	{fieldSquad, []string{"whodid.squad", "squads.squad", "agent.squad", "squad", "team.id", "team"}},
	{fieldExecution, []string{"whodid.execution", "squads.execution_id"}},
	{fieldTrigger, []string{"whodid.trigger", "squads.trigger"}},
	{fieldEmail, []string{"user.email", "enduser.id"}},
	{fieldAccount, []string{"user.account_uuid", "user.account_id"}},

	{fieldEvent, []string{"event.name"}},
	{fieldEventTime, []string{"event.timestamp"}},
	{fieldSequence, []string{"event.sequence"}},
	{fieldSession, []string{"session.id", "conversation.id", "gen_ai.conversation.id", "gen_ai.thread.id"}},
	{fieldPrompt, []string{"prompt.id", "prompt_id"}},
	{fieldSubagent, []string{"agent_id"}},
	{fieldSubagentKind, []string{"agent_type"}},

	{fieldOperation, []string{"gen_ai.operation.name"}},
	{fieldProvider, []string{"gen_ai.provider.name", "gen_ai.system"}},
	{fieldModel, []string{"model", "gen_ai.request.model"}},
	{fieldResponseModel, []string{"gen_ai.response.model"}},
	{fieldInput, []string{"input_tokens", "input_token_count", "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"}},
	{fieldOutput, []string{"output_tokens", "output_token_count", "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"}},
	{fieldCacheRead, []string{
		"cache_read_tokens", "cached_token_count", "cached_content_token_count",
		"gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens",
	}},
	{fieldCacheWrite, []string{
		"cache_creation_tokens", "cache_write_token_count",
		"gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens",
	}},
	{fieldCacheWrite1h, []string{"cache_creation_1h_tokens"}},
	{fieldReasoning, []string{"reasoning_token_count", "thoughts_token_count", "gen_ai.usage.reasoning.output_tokens"}},
	{fieldToolTokens, []string{"tool_token_count"}},
	{fieldCostUSD, []string{"cost_usd"}},
	{fieldCostMicros, []string{"cost_usd_micros"}},
	{fieldRequest, []string{"request_id"}},
	{fieldResponse, []string{"gen_ai.response.id"}},
	{fieldKind, []string{"event.kind"}},

	{fieldTool, []string{"tool_name", "function_name", "gen_ai.tool.name"}},
	{fieldCall, []string{"tool_use_id", "call_id", "gen_ai.tool.call.id", "gen_ai.tool.call_id"}},
	{fieldArguments, []string{"tool_input", "arguments", "function_args", "gen_ai.tool.call.arguments"}},
	{fieldParameters, []string{"tool_parameters"}},
	{fieldOutputText, []string{"output"}},
	{fieldPath, []string{"file_path"}},
	{fieldCommand, []string{"full_command"}},
	{fieldSuccess, []string{"success"}},
	{fieldDecision, []string{"decision"}},
	{fieldDecider, []string{"source", "decision_source"}},
	{fieldMode, []string{"permission_mode"}},
	{fieldDuration, []string{"duration_ms"}},
	{fieldServer, []string{"mcp_server", "mcp.server.name", "server.address"}},
	{fieldMethod, []string{"mcp.method.name"}},
	{fieldErrorType, []string{"error.type", "error_type"}},
	{fieldStatus, []string{"status_code", "http.response.status_code"}},

	{fieldRevision, []string{"vcs.ref.head.revision"}},
	{fieldBranch, []string{"vcs.ref.head.name"}},
	{fieldHookEvent, []string{"hook_event"}},
	{fieldHookType, []string{"hook_type"}},
	{fieldHookSource, []string{"hook_source"}},
	{fieldFromMode, []string{"from_mode"}},
	{fieldToMode, []string{"to_mode"}},
}

type alias struct {
	field Field
	rank  uint8
}

var aliasOf = sync.OnceValue(func() map[string]alias {
	m := map[string]alias{}
	for _, a := range aliases {
		for rank, name := range a.names {
			m[name] = alias{a.field, uint8(rank)}
		}
	}
	return m
})

// Wanted reports whether an attribute of that name is read at all. A door need
// not decode the others.
func Wanted(name string) bool {
	_, ok := aliasOf()[name]
	return ok
}

// Value is an attribute's value. Lists and objects have none.
type Value struct {
	text  string
	whole int64 // or the bits of a number with a fraction
	kind  kind
}

type kind uint8

const (
	kindNone kind = iota
	kindText
	kindWhole
	kindNumber
	kindTruth
)

// Text is a text.
func Text(s string) Value { return Value{kind: kindText, text: s} }

// Whole is a whole number.
func Whole(n int64) Value { return Value{kind: kindWhole, whole: n} }

// Number is a number with a fraction.
func Number(f float64) Value {
	return Value{kind: kindNumber, whole: int64(math.Float64bits(f))}
}

func (v Value) number() float64 { return math.Float64frombits(uint64(v.whole)) }

// Truth is a boolean.
func Truth(b bool) Value {
	v := Value{kind: kindTruth}
	if b {
		v.whole = 1
	}
	return v
}

// Attributes are those attributes of a resource or record that are read, by
// what they mean. The zero value is empty.
type Attributes struct {
	entries []entry
}

type entry struct {
	value Value
	alias alias
}

// Set keeps the attribute if it is one that is read. Of several names of one
// field the first of the table counts, and of a name told twice the first.
func (a *Attributes) Set(name string, v Value) {
	as, ok := aliasOf()[name]
	if !ok || v.kind == kindNone {
		return
	}
	for i := range a.entries {
		if e := &a.entries[i]; e.alias.field == as.field {
			if as.rank < e.alias.rank {
				*e = entry{v, as}
			}
			return
		}
	}
	a.entries = append(a.entries, entry{v, as})
}

// Slab gives the attributes of many records room in few pieces of memory. The
// zero value is ready.
type Slab struct {
	free []entry
	size int
}

// slabMost is how many attributes get room at once at most, slabLeast how many
// a record is sure to find room for.
const (
	slabMost  = 4096
	slabLeast = int(fieldCount)
)

// Attributes are empty attributes with room for every field. Before the next
// are asked for, [Slab.Took] says how much of the room is taken.
func (s *Slab) Attributes() Attributes {
	if len(s.free) < slabLeast {
		s.size = min(max(2*s.size, 2*slabLeast), slabMost)
		s.free = make([]entry, s.size)
	}
	return Attributes{entries: s.free[:0:slabLeast]}
}

// Took keeps the room that the attributes took.
func (s *Slab) Took(a *Attributes) {
	n := len(a.entries)
	a.entries = a.entries[:n:n]
	s.free = s.free[n:]
}

func (a *Attributes) get(f Field) Value {
	for i := range a.entries {
		if a.entries[i].alias.field == f {
			return a.entries[i].value
		}
	}
	return Value{}
}

func (a *Attributes) has(f Field) bool { return a.get(f).kind != kindNone }

// text is a field as text; numbers in their usual form.
func (a *Attributes) text(f Field) string { return a.get(f).asText() }

func (v Value) asText() string {
	switch v.kind {
	case kindText:
		return v.text
	case kindWhole:
		return strconv.FormatInt(v.whole, 10)
	default:
		return ""
	}
}

// count is a field as a number that counts something: clients write it as an
// integer, as a number with a fraction of zero or as text.
func (a *Attributes) count(f Field) (int64, bool) {
	v := a.get(f)
	const most = 1 << 53
	switch v.kind {
	case kindWhole:
		return v.whole, v.whole >= 0 && v.whole < most
	case kindNumber:
		f := v.number()
		if f < 0 || f >= most || f != math.Trunc(f) {
			return 0, false
		}
		return int64(f), true
	case kindText:
		n, err := strconv.ParseInt(strings.TrimSpace(v.text), 10, 64)
		return n, err == nil && n >= 0 && n < most
	default:
		return 0, false
	}
}

// number is a field as a number.
func (a *Attributes) number(f Field) (float64, bool) {
	switch v := a.get(f); v.kind {
	case kindWhole:
		return float64(v.whole), true
	case kindNumber:
		return v.number(), true
	case kindText:
		n, err := strconv.ParseFloat(strings.TrimSpace(v.text), 64)
		return n, err == nil
	default:
		return 0, false
	}
}

// success is whether what was done is said to have succeeded, and whether that
// is said at all.
func (a *Attributes) success() (value, told bool) {
	switch v := a.get(fieldSuccess); v.kind {
	case kindTruth:
		return v.whole == 1, true
	case kindText:
		return v.text == "true", v.text == "true" || v.text == "false"
	default:
		return false, false
	}
}
