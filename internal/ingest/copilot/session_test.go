package copilot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/ingest/agent"
	"github.com/whodid/whodid/internal/ingest/agent/agenttest"
)

var later = agenttest.Written.AddDate(0, 0, 1)

func TestEvents(t *testing.T) {
	t.Parallel()
	text := agenttest.File(t, "events-1.0.45.jsonl")
	if got := ReadHead(text[:300]); got != "301561f1-558a-43e9-a144-82d3ca12ab62" {
		t.Errorf("it is about %q", got)
	}
	events, reading := agenttest.Read(t, agent.Copilot, Session, text, 0, later)
	want := []string{"execution.start", "session.start", "file.write /Users/test/project/hello.py success", "session.end", "execution.finish"}
	if diff := cmp.Diff(want, agenttest.Brief(events)); diff != "" || !reading.Over {
		t.Errorf("%+v (-want +got):\n%s", reading, diff)
	}
	agenttest.Growing(t, agent.Copilot, Session, text, 13)
}

// TestResults tells what a result proves, and what was used.
func TestResults(t *testing.T) {
	t.Parallel()
	line := func(kind, data string) string {
		return `{"type":"` + kind + `","id":"e-` + kind + `","timestamp":"2026-05-12T00:21:12.100Z","data":` + data + "}\n"
	}
	call := line("tool.execution_start", `{"toolCallId":"t","toolName":"view","arguments":{"path":"/a"}}`)
	usage := `"usage":{"inputTokens":10,"outputTokens":3,"cacheReadTokens":4,"cacheWriteTokens":1}`
	shutdown := line("session.shutdown", `{"modelMetrics":{"gpt-5":{"requests":{"count":2},`+usage+`}}}`)
	for text, want := range map[string]string{
		call + line("tool.execution_complete", `{"toolCallId":"t","result":{"result_type":"failure"}}`):      "file.read /a failed",
		call + line("tool.execution_complete", `{"toolCallId":"t","result":{"resultType":"denied"}}`):        "file.read /a blocked",
		call + line("tool.execution_complete", `{"toolCallId":"t","success":true,"result":{"content":"x"}}`): "file.read /a success",
		call + line("tool.execution_complete", `{"toolCallId":"t","success":false,"error":{"message":"x"}}`): "file.read /a failed",
		call + line("tool.execution_complete", `{"toolCallId":"t"}`):                                         "file.read /a attempted",
		call: "file.read /a attempted",
		// What was denied never ran, in whatever order the file says so.
		call + line("permission.requested", `{"requestId":"r","permissionRequest":{"kind":"read","toolCallId":"t"}}`) +
			line("permission.completed", `{"requestId":"r","result":{"kind":"denied-interactively-by-user"}}`): "file.read /a blocked",
		call + line("permission.completed", `{"requestId":"r","toolCallId":"t","result":{"kind":"denied-by-rules"}}`) +
			line("tool.execution_complete", `{"toolCallId":"t","success":false,"error":{"message":"x"}}`): "file.read /a blocked",
		line("permission.completed", `{"requestId":"r","toolCallId":"t","result":{"kind":"denied-by-rules"}}`) + call +
			line("tool.execution_complete", `{"toolCallId":"t","success":false,"error":{"message":"x"}}`): "file.read /a blocked",
		call + line("permission.completed", `{"requestId":"r","toolCallId":"t","result":{"kind":"approved"}}`) +
			line("tool.execution_complete", `{"toolCallId":"t","success":false,"error":{"message":"x"}}`): "file.read /a failed",
		call + line("tool.execution_complete", `{"toolCallId":"t","success":false,"error":{"code":"denied","message":"x"}}`): "file.read /a blocked",
		shutdown: "model.call input=5 output=3 cache_read=4",
		line("assistant.usage", `{"model":"gpt-5","inputTokens":10,"outputTokens":2}`) + shutdown: "model.call input=10 output=2 cache_read=0",
	} {
		events, _ := agenttest.Read(t, agent.Copilot, Session, []byte(line("session.start", `{}`)+text), 0, later)
		got := agenttest.Brief(events)
		if len(got) != 5 || got[2] != want {
			t.Errorf("%s tells %s, not %s", text, strings.Join(got, "; "), want)
		}
	}
}

func FuzzEvents(f *testing.F) {
	agenttest.Fuzz(f, agent.Copilot, Session, "events-1.0.45.jsonl")
}
