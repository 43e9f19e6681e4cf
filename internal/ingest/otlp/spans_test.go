package otlp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
)

var began = time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)

// attributes makes attributes of names and values in turn.
func attributes(list ...any) Attributes {
	var a Attributes
	for i := 0; i+1 < len(list); i += 2 {
		name := list[i].(string)
		switch v := list[i+1].(type) {
		case string:
			a.Set(name, Text(v))
		case int:
			a.Set(name, Whole(int64(v)))
		case float64:
			a.Set(name, Number(v))
		case bool:
			a.Set(name, Truth(v))
		}
	}
	return a
}

// span makes a span that ends n seconds after all began.
func span(resource *Attributes, id byte, n int, list ...any) Span {
	return Span{
		Resource: resource, Attributes: attributes(list...), Trace: [16]byte{7}, ID: [8]byte{id}, Parent: [8]byte{99},
		Start: began.UnixNano(), End: began.Add(time.Duration(n) * time.Second).UnixNano(),
	}
}

// told writes what a reading told, one event a line.
func told(t *testing.T, r Reading) (lines []string) {
	t.Helper()
	for i := range r.Events {
		e := &r.Events[i]
		if dropped := e.Trim(false); len(dropped) > 0 {
			t.Errorf("%s has fields that the catalogue does not know: %v", e.What, dropped)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", e.Key, err)
		}
		key := strings.NewReplacer("07"+strings.Repeat("0", 30), "T", strings.Repeat("0", 14), "").Replace(e.Key)
		lines = append(lines, strings.Join(strings.Fields(fmt.Sprintf("%s [%s] %s %s %s %s", e.What, key, e.Target, e.Result, e.Actor, e.Data.Canonical())), " "))
	}
	return lines
}

// Names up to version 1.41 of the conventions, names before them, and the newer
// ones of their own repository all tell the same.
func TestConventions(t *testing.T) {
	t.Parallel()
	resource := attributes("service.name", "checkout-bot", "service.namespace", "shop")
	want := []string{
		`model.call [checkout-bot/response/resp_1] agent:shop/planner {"cache_read_tokens":800,"cache_write_tokens":100,"input_tokens":100,"message":"resp_1","model":"gpt-5.2","output_tokens":50,"provider":"openai"}`,
	}
	for name, list := range map[string][]any{
		"before": {
			"gen_ai.operation.name", "chat", "gen_ai.system", "openai", "gen_ai.request.model", "gpt-5", "gen_ai.response.model", "gpt-5.2",
			"gen_ai.usage.prompt_tokens", 1000, "gen_ai.usage.completion_tokens", 50, "gen_ai.usage.cache_read_input_tokens", 800,
			"gen_ai.usage.cache_creation_input_tokens", 100, "gen_ai.response.id", "resp_1", "gen_ai.workflow.name", "planner", "session.id", "s1",
		},
		"1.41": {
			"gen_ai.operation.name", "chat", "gen_ai.provider.name", "openai", "gen_ai.system", "az.ai.openai", "gen_ai.request.model", "gpt-5", "gen_ai.response.model", "gpt-5.2",
			"gen_ai.usage.input_tokens", 1000, "gen_ai.usage.output_tokens", 50, "gen_ai.usage.cache_read.input_tokens", 800,
			"gen_ai.usage.cache_creation.input_tokens", 100, "gen_ai.response.id", "resp_1", "gen_ai.agent.name", "planner", "gen_ai.conversation.id", "s1",
		},
		"numbers as text": {
			"gen_ai.operation.name", "generate_content", "gen_ai.provider.name", "openai", "gen_ai.response.model", "gpt-5.2",
			"gen_ai.usage.input_tokens", "1000", "gen_ai.usage.output_tokens", 50.0, "gen_ai.usage.cache_read.input_tokens", " 800",
			"gen_ai.usage.cache_creation.input_tokens", "100", "gen_ai.response.id", "resp_1", "gen_ai.agent.name", "planner", "gen_ai.conversation.id", "s1",
		},
	} {
		got := told(t, Spans([]Span{span(&resource, 1, 3, list...)}, Surroundings{}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		l := Log{Resource: &resource, Attributes: attributes(list...), Event: "gen_ai.client.inference.operation.details", At: began.UnixNano(), Trace: [16]byte{7}, Span: [8]byte{1}}
		if diff := cmp.Diff(want, told(t, Logs([]Log{l}, Surroundings{}))); diff != "" {
			t.Errorf("%s, as an event (-want +got):\n%s", name, diff)
		}
	}
}

// A whole turn of an agent as GitHub Copilot sends it: spans only, each by its
// own id where the service has none for it.
func TestTurn(t *testing.T) {
	t.Parallel()
	resource := attributes("service.name", "github-copilot", "service.version", "1.0.102")
	conversation := []any{"gen_ai.conversation.id", "c-1", "gen_ai.provider.name", "github"}
	root := span(&resource, 1, 9, append(conversation, "gen_ai.operation.name", "invoke_agent", "gen_ai.agent.name", "GitHub Copilot")...)
	root.Parent = [8]byte{}
	failed := span(&resource, 5, 8, append(conversation, "gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "bash",
		"gen_ai.tool.call.arguments", `{"command":"go test ./..."}`, "gen_ai.tool.call.id", "call_2")...)
	failed.Failed = true
	spans := []Span{
		span(&resource, 2, 2, append(conversation, "gen_ai.operation.name", "chat", "gen_ai.request.model", "gpt-4.1",
			"gen_ai.usage.input_tokens", 20, "gen_ai.usage.output_tokens", 5)...),
		span(&resource, 3, 4, append(conversation, "gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "create",
			"gen_ai.tool.call.arguments", `{"path":"/Users/jane/shop/a.go","file_text":"x\n"}`, "gen_ai.tool.call.id", "call_1")...),
		span(&resource, 4, 5, append(conversation, "gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "bash",
			"gen_ai.tool.call.arguments", `{"command":"git push"}`)...),
		failed,
		span(&resource, 6, 6, append(conversation, "gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "report_intent")...),
		span(&resource, 7, 7, append(conversation, "gen_ai.operation.name", "chat", "gen_ai.request.model", "gpt-4.1", "error.type", "500")...),
		root,
		span(&resource, 8, 9, "http.request.method", "POST"),
	}
	want := []string{
		`model.call [copilot/span/T/02] agent:local/copilot {"input_tokens":20,"model":"gpt-4.1","output_tokens":5,"provider":"github"}`,
		`file.write [copilot/c-1/call/call_1] ~/shop/a.go success agent:local/copilot {"bytes":2,"call":"call_1","duration_ms":4000,"tool":"create"}`,
		`commit.push [copilot/span/T/04] attempted agent:local/copilot {"duration_ms":5000,"program":"git","subcommand":"push","tool":"bash"}`,
		`test.run [copilot/c-1/call/call_2] go test attempted agent:local/copilot {"call":"call_2","duration_ms":8000,"program":"go","subcommand":"test","tool":"bash"}`,
		`tool.call [copilot/span/T/06] report_intent success agent:local/copilot {"duration_ms":6000,"tool":"report_intent"}`,
		`turn.complete [copilot/span/T/01/turn] agent:local/copilot {}`,
		`execution.start [copilot/c-1/execution.start/telemetry] agent:local/copilot {"client":"copilot","client_version":"1.0.102","inferred":true}`,
		`session.start [copilot/span/T/01/start] agent:local/copilot {"client":"copilot","reason":"resume"}`,
		`execution.finish [copilot/span/T/01/finish] agent:local/copilot {"reason":"agent finished"}`,
	}
	if diff := cmp.Diff(want, told(t, Spans(spans, Surroundings{}))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Both sides of a call of an MCP server tell it, and the agent's own span may.
func TestMCP(t *testing.T) {
	t.Parallel()
	resource := attributes("service.name", "bot")
	server := attributes("service.name", "tickets")
	call := []any{"mcp.method.name", "tools/call", "gen_ai.tool.name", "create_ticket", "mcp.session.id", "m1", "session.id", "s1"}
	client := span(&resource, 2, 2, call...)
	asked := span(&server, 3, 2, call[:6]...)
	asked.Server, asked.Parent = true, client.ID
	agents := span(&resource, 4, 3, "gen_ai.operation.name", "execute_tool", "gen_ai.tool.name", "create_ticket", "gen_ai.tool.call.id", "call_9", "session.id", "s1")
	below := span(&resource, 5, 3, call...)
	below.Parent = agents.ID
	byID := span(&resource, 6, 3, append(call, "gen_ai.tool.call.id", "call_10", "error.type", "tool_error")...)
	keys := map[string][]string{}
	for _, e := range Spans([]Span{client, asked, agents, below, byID, span(&resource, 7, 1, "mcp.method.name", "tools/list")}, Surroundings{}).Events {
		keys[e.Key] = append(keys[e.Key], fmt.Sprint(e.What, " ", e.Target, " ", e.Result))
	}
	want := map[string][]string{
		"mcp/span/07000000000000000000000000000000/0200000000000000": {"mcp.call bot/create_ticket success", "mcp.call tickets/create_ticket success"},
		"bot/s1/call/call_9":  {"tool.call create_ticket success"},
		"bot/s1/call/call_10": {"mcp.call bot/create_ticket failed"},
	}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Where no session is told, the trace is the run.
func TestTraceIsRun(t *testing.T) {
	t.Parallel()
	resource := attributes("service.name", "unknown_service:python")
	s := span(&resource, 1, 1, "gen_ai.operation.name", "invoke_agent", "error.type", "timeout")
	s.Parent = [8]byte{}
	other := s
	other.Trace = [16]byte{8}
	r := Spans([]Span{s, other}, Surroundings{})
	runs := map[string]int{}
	for _, e := range r.Events {
		runs[e.Execution]++
		if e.What == "execution.finish" && e.Result != whodid.ResultTimeout {
			t.Errorf("its end is %q", e.Result)
		}
		if e.Actor != "agent:local/python" || e.Source != "otlp:python" {
			t.Errorf("%s by %s", e.Actor, e.Source)
		}
	}
	if len(runs) != 2 {
		t.Errorf("runs %v", runs)
	}
	s.End, s.Start = 1, 1
	if r := Spans([]Span{s}, Surroundings{}); r.Rejected != 1 || r.Reason == "" || len(r.Events) > 0 {
		t.Errorf("a time of 1970: %+v", r)
	}
}
