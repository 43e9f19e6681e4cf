package otlp_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/whodid/whodid/internal/redact/canary"
)

// marker is content that no cleaner of secrets would know.
const marker = "quantum frobnicator"

// all is everything that the trail holds, as text.
func (d *door) all(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, r := range d.rows(t) {
		fmt.Fprintf(&b, "%+v %s\n", r.Event, r.DataText)
	}
	return b.Bytes()
}

// encodings are the ways to send the same.
func encodings(t testing.TB, logs plog.Logs, traces ptrace.Traces) map[string][2][]byte {
	t.Helper()
	must := func(b []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return map[string][2][]byte{
		asJSON:     {must((&plog.JSONMarshaler{}).MarshalLogs(logs)), must((&ptrace.JSONMarshaler{}).MarshalTraces(traces))},
		asProtobuf: {must((&plog.ProtoMarshaler{}).MarshalLogs(logs)), must((&ptrace.ProtoMarshaler{}).MarshalTraces(traces))},
	}
}

// Whatever attribute content comes in, it is not in the trail: each text of each
// record of the captures is content once.
func TestNoContent(t *testing.T) {
	t.Parallel()
	logs := plog.NewLogs()
	scopes := logs.ResourceLogs().AppendEmpty()
	for _, r := range captured(t, "claude-code-2.1.330-logs-1.json.gz", "claude-code-2.1.330-logs-2.json.gz", "codex-0.169.0-logs.json.gz") {
		sl := scopes.ScopeLogs().AppendEmpty()
		r.scope.Scope().CopyTo(sl.Scope())
		for name, v := range r.log.Attributes().All() {
			if v.Type() != pcommon.ValueTypeStr {
				continue
			}
			l := sl.LogRecords().AppendEmpty()
			r.log.CopyTo(l)
			l.Body().SetStr(marker)
			l.Attributes().PutStr(name, marker)
			if strings.HasPrefix(v.Str(), "{") { // arguments: what is content in them
				for _, text := range []string{
					`{"file_path":"/srv/a.go","content":"` + marker + `","old_string":"` + marker + `","new_string":"` + marker + `"}`,
					`{"full_command":"git commit -m '` + marker + `'","description":"` + marker + `"}`,
					`{"cmd":"git commit -m '` + marker + `'"}`, `{"command":"cat <<E\n` + marker + `\nE"}`, `{"prompt":"` + marker + `","subagent_type":"` + marker + `"}`,
					`{"content":"` + marker, marker + `{"file_path":"a"}`,
				} {
					l := sl.LogRecords().AppendEmpty()
					r.log.CopyTo(l)
					l.Attributes().PutStr(name, text)
				}
			}
		}
	}
	traces := ptrace.NewTraces()
	spans := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans()
	for i, operation := range []string{"chat", "execute_tool", "invoke_agent"} {
		for j, name := range []string{
			"gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions", "gen_ai.tool.call.arguments",
			"gen_ai.tool.call.result", "gen_ai.tool.description", "gen_ai.agent.description", "gen_ai.request.model", "gen_ai.tool.name", "gen_ai.tool.call.id",
			"gen_ai.response.id", "gen_ai.conversation.id", "gen_ai.provider.name", "error.type", "mcp.resource.uri", "enduser.id", "user.email",
		} {
			s := spans.AppendEmpty()
			s.SetName(marker)
			s.SetTraceID([16]byte{byte(i + 1), byte(j + 1)})
			s.SetSpanID([8]byte{1, byte(i), byte(j)})
			s.SetStartTimestamp(1)
			s.SetEndTimestamp(pcommon.NewTimestampFromTime(now))
			s.Attributes().PutStr("gen_ai.operation.name", operation)
			s.Attributes().PutStr("gen_ai.tool.name", "edit_file")
			s.Attributes().PutStr(name, marker)
			s.Status().SetMessage(marker)
			s.Events().AppendEmpty().Attributes().PutStr("gen_ai.event.content", marker)
		}
	}
	for encoding, bodies := range encodings(t, logs, traces) {
		d := newDoor(t)
		for i, path := range []string{"/v1/logs", "/v1/traces"} {
			if w := d.post(t, path, encoding, bodies[i]); w.Code != 200 {
				t.Fatal(w.Code, w.Body)
			}
		}
		all := d.all(t)
		if i := bytes.Index(all, []byte(marker)); i >= 0 {
			t.Errorf("%s: content is in the trail: …%s…", encoding, all[max(0, i-300):i+100])
		}
		if n := bytes.Count(all, []byte("\n")); n < 200 {
			t.Errorf("%s: only %d events", encoding, n)
		}
	}
}

// Secrets and personal data of every shape, where arguments, output and names
// stand.
func TestNoCanary(t *testing.T) {
	t.Parallel()
	records := captured(t, "claude-code-2.1.330-logs-2.json.gz", "codex-0.169.0-logs.json.gz")
	logs := plog.NewLogs()
	scopes := logs.ResourceLogs().AppendEmpty()
	var must []string
	n := 0
	for _, c := range canary.All() {
		must = append(must, c.Must...)
		for _, r := range records {
			event, _ := r.log.Attributes().Get("event.name")
			if name := event.Str(); name != "tool_result" && name != "codex.tool_result" {
				continue
			}
			for _, attribute := range []string{"tool_parameters", "tool_input", "arguments", "output", "error", "user.email", "tool_name", "mcp_server"} {
				n++
				sl := scopes.ScopeLogs().AppendEmpty()
				r.scope.Scope().CopyTo(sl.Scope())
				l := sl.LogRecords().AppendEmpty()
				r.log.CopyTo(l)
				for _, id := range []string{"tool_use_id", "call_id"} {
					if _, ok := l.Attributes().Get(id); ok {
						l.Attributes().PutStr(id, fmt.Sprint("call-", n))
					}
				}
				text := c.Text
				if attribute == "output" {
					text = "Process exited with code 0\nOutput:\n" + c.Text
				}
				l.Attributes().PutStr(attribute, text)
			}
		}
	}
	d := newDoor(t)
	for encoding, bodies := range encodings(t, logs, ptrace.NewTraces()) {
		if w := d.post(t, "/v1/logs", encoding, bodies[0]); w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
	}
	all := d.all(t)
	for _, secret := range must {
		if i := bytes.Index(all, []byte(secret)); i >= 0 {
			t.Errorf("%q is in the trail: …%s…", secret, all[max(0, i-200):i+len(secret)+20])
		}
	}
	t.Logf("%d records with canaries", n)
}
